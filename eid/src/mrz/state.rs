//! Issuing states: the code of the MRZ (Doc 9303-3 clause 5, ISO 3166-1 alpha-3) and the two letters of a certificate's countryName.

/// ISO 3166-1: three letters, then two.
const STATES: &str = "\
    ABWAW AFGAF AGOAO AIAAI ALAAX ALBAL ANDAD AREAE ARGAR ARMAM ASMAS ATAAQ ATFTF ATGAG AUSAU AUTAT AZEAZ BDIBI BELBE BENBJ \
    BESBQ BFABF BGDBD BGRBG BHRBH BHSBS BIHBA BLMBL BLRBY BLZBZ BMUBM BOLBO BRABR BRBBB BRNBN BTNBT BVTBV BWABW CAFCF CANCA \
    CCKCC CHECH CHLCL CHNCN CIVCI CMRCM CODCD COGCG COKCK COLCO COMKM CPVCV CRICR CUBCU CUWCW CXRCX CYMKY CYPCY CZECZ DEUDE \
    DJIDJ DMADM DNKDK DOMDO DZADZ ECUEC EGYEG ERIER ESHEH ESPES ESTEE ETHET FINFI FJIFJ FLKFK FRAFR FROFO FSMFM GABGA GBRGB \
    GEOGE GGYGG GHAGH GIBGI GINGN GLPGP GMBGM GNBGW GNQGQ GRCGR GRDGD GRLGL GTMGT GUFGF GUMGU GUYGY HKGHK HMDHM HNDHN HRVHR \
    HTIHT HUNHU IDNID IMNIM INDIN IOTIO IRLIE IRNIR IRQIQ ISLIS ISRIL ITAIT JAMJM JEYJE JORJO JPNJP KAZKZ KENKE KGZKG KHMKH \
    KIRKI KNAKN KORKR KWTKW LAOLA LBNLB LBRLR LBYLY LCALC LIELI LKALK LSOLS LTULT LUXLU LVALV MACMO MAFMF MARMA MCOMC MDAMD \
    MDGMG MDVMV MEXMX MHLMH MKDMK MLIML MLTMT MMRMM MNEME MNGMN MNPMP MOZMZ MRTMR MSRMS MTQMQ MUSMU MWIMW MYSMY MYTYT NAMNA \
    NCLNC NERNE NFKNF NGANG NICNI NIUNU NLDNL NORNO NPLNP NRUNR NZLNZ OMNOM PAKPK PANPA PCNPN PERPE PHLPH PLWPW PNGPG POLPL \
    PRIPR PRKKP PRTPT PRYPY PSEPS PYFPF QATQA REURE ROURO RUSRU RWARW SAUSA SDNSD SENSN SGPSG SGSGS SHNSH SJMSJ SLBSB SLESL \
    SLVSV SMRSM SOMSO SPMPM SRBRS SSDSS STPST SURSR SVKSK SVNSI SWESE SWZSZ SXMSX SYCSC SYRSY TCATC TCDTD TGOTG THATH TJKTJ \
    TKLTK TKMTM TLSTL TONTO TTOTT TUNTN TURTR TUVTV TWNTW TZATZ UGAUG UKRUA UMIUM URYUY USAUS UZBUZ VATVA VCTVC VENVE VGBVG \
    VIRVI VNMVN VUTVU WLFWF WSMWS YEMYE ZAFZA ZMBZM ZWEZW";

/// Codes that are no ISO 3166-1 alpha-3 of one state, or whose certificates bear another country too.
const SPECIAL: [(&str, &[&str]); 13] = [
    ("D", &["DE"]),
    ("GBR", &["GB"]),
    ("GBD", &["GB", "AI", "BM", "FK", "GI", "IO", "KY", "MS", "PN", "SH", "TC", "VG"]),
    ("GBN", &["GB"]),
    ("GBO", &["GB"]),
    ("GBP", &["GB"]),
    ("GBS", &["GB"]),
    // passports of Hong Kong and Macao are issued by China
    ("CHN", &["CN", "HK", "MO"]),
    ("RKS", &["KS", "XK"]),
    ("EUE", &["EU"]),
    ("UNO", &["UN"]),
    ("UNA", &["UN"]),
    ("UNK", &["UN", "KS", "XK"]),
];

/// The countries that certificates for documents of the issuing state `code` may bear; `None` for a code that is not known.
#[must_use]
pub fn countries(code: &str) -> Option<Vec<&'static str>> {
    let code = code.trim_end_matches('<');
    if let Some((_, countries)) = SPECIAL.iter().find(|(special, _)| *special == code) {
        return Some(countries.to_vec());
    }
    let pair = STATES.split(' ').find(|pair| pair.get(..3) == Some(code))?;
    Some(vec![pair.get(3..)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_mrz_name_the_countries_of_certificates() {
        for (code, expected) in [("VNM", "VN"), ("D", "DE"), ("D<<", "DE"), ("CHE", "CH"), ("UKR", "UA"), ("EST", "EE"), ("ZWE", "ZW")] {
            assert_eq!(countries(code), Some(vec![expected]), "{code}");
        }
        assert!(countries("CHN").is_some_and(|countries| countries.contains(&"HK")));
        for code in ["UTO", "", "V", "VN", "XXX", "VNMV", "ZZZ"] {
            assert_eq!(countries(code), None, "{code}");
        }
        assert_eq!(STATES.split(' ').count(), 249);
    }
}
