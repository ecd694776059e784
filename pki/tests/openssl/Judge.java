import java.io.FileInputStream;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

/** BouncyCastle as a judge where OpenSSL refuses explicit EC parameters: each pair ISSUER SUBJECT of DER files, SUBJECT a certificate or a .crl. */
public class Judge {
    public static void main(String[] pairs) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        CertificateFactory factory = CertificateFactory.getInstance("X.509", "BC");
        for (int i = 0; i + 1 < pairs.length; i += 2) {
            X509Certificate issuer = (X509Certificate) factory.generateCertificate(new FileInputStream(pairs[i]));
            String name = pairs[i + 1].substring(pairs[i + 1].lastIndexOf('/') + 1);
            try {
                if (name.endsWith(".crl")) {
                    X509CRL list = (X509CRL) factory.generateCRL(new FileInputStream(pairs[i + 1]));
                    list.verify(issuer.getPublicKey(), "BC");
                    boolean same = list.getIssuerX500Principal().equals(issuer.getSubjectX500Principal());
                    System.out.println(name + ": verified, name " + (same ? "fits" : "differs"));
                } else {
                    X509Certificate subject = (X509Certificate) factory.generateCertificate(new FileInputStream(pairs[i + 1]));
                    subject.verify(issuer.getPublicKey(), "BC");
                    boolean same = subject.getIssuerX500Principal().equals(issuer.getSubjectX500Principal());
                    System.out.println(name + ": verified, name " + (same ? "fits" : "differs"));
                }
            } catch (Exception wrong) {
                System.out.println(name + ": refused, " + wrong.getClass().getSimpleName());
            }
        }
    }
}
