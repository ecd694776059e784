import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PublicKey;
import java.security.Security;
import org.bouncycastle.asn1.eac.CVCertificate;
import org.bouncycastle.asn1.eac.CertificateHolderAuthorization;
import org.bouncycastle.asn1.eac.CertificationAuthorityReference;
import org.bouncycastle.asn1.eac.CertificateHolderReference;
import org.bouncycastle.eac.EACCertificateHolder;
import org.bouncycastle.eac.jcajce.JcaPublicKeyConverter;
import org.bouncycastle.eac.operator.EACSignatureVerifier;
import org.bouncycastle.eac.operator.jcajce.JcaEACSignatureVerifierBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

/**
 * What BouncyCastle says of CV certificates of inspection systems. Arguments: groups of files, a group after each "--"; the first file of a
 * group is a self-signed CVCA certificate, and all of the group are judged with its key. One line for each file:
 * file, CAR, CHR, role, rights, signature good or wrong; or file and "unreadable".
 */
public final class CvcJudge {
    private CvcJudge() {
    }

    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        EACSignatureVerifier verifier = null;
        for (int n = 0; n < arguments.length; n++) {
            if (arguments[n].equals("--")) {
                verifier = null;
                continue;
            }
            Path file = Path.of(arguments[n]);
            String name = file.getFileName().toString();
            try {
                EACCertificateHolder holder = new EACCertificateHolder(Files.readAllBytes(file));
                if (verifier == null) {
                    PublicKey key = new JcaPublicKeyConverter().setProvider("BC").getKey(holder.getPublicKeyDataObject());
                    verifier = new JcaEACSignatureVerifierBuilder().setProvider("BC").build(holder.getPublicKeyDataObject().getUsage(), key);
                }
                CVCertificate certificate = holder.toASN1Structure();
                CertificationAuthorityReference authority = certificate.getAuthorityReference();
                CertificateHolderReference subject = certificate.getHolderReference();
                System.out.println(name
                    + " " + authority.getCountryCode() + authority.getHolderMnemonic() + authority.getSequenceNumber()
                    + " " + subject.getCountryCode() + subject.getHolderMnemonic() + subject.getSequenceNumber()
                    + " " + CertificateHolderAuthorization.getRoleDescription(certificate.getHolderAuthorizationRole())
                    + " " + (certificate.getBody().getCertificateHolderAuthorization().getAccessRights() & 3)
                    + " " + (holder.isSignatureValid(verifier) ? "good" : "wrong"));
            } catch (Exception exception) {
                System.out.println(name + " unreadable " + exception);
            }
        }
    }
}
