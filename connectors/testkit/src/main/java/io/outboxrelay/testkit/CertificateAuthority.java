package io.outboxrelay.testkit;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;

import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.CertIOException;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** Makes certificates for a test's servers and clients, all by itself. They are good for a day. */
public final class CertificateAuthority {

    private static final Duration VALID = Duration.ofDays(1);
    private static final int KEY_BITS = 2048;

    private final SecureRandom random = new SecureRandom();
    private final X500Name name;
    private final KeyPair keys;
    private final X509Certificate certificate;

    /** @param name what certificates of this authority name as their issuer */
    public CertificateAuthority(String name) {
        this.name = new X500Name("CN=" + name);
        this.keys = newKeys();
        this.certificate = sign(this.name, keys, new Extended(true));
    }

    /** Its own certificate, in PEM: what trusts it needs. */
    public String certificatePem() {
        return pem("CERTIFICATE", encoded(certificate));
    }

    /**
     * A certificate for a client, or for a server on this machine.
     *
     * @param commonName who it is
     */
    public IssuedCertificate issue(String commonName) {
        KeyPair owner = newKeys();
        X509Certificate issued = sign(new X500Name("CN=" + commonName), owner, new Extended(false));
        return new IssuedCertificate(
                pem("CERTIFICATE", encoded(issued)),
                pem("PRIVATE KEY", owner.getPrivate().getEncoded()));
    }

    private record Extended(boolean isAuthority) {

        void addTo(X509v3CertificateBuilder builder) throws CertIOException {
            builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(isAuthority));
            if (!isAuthority) {
                builder.addExtension(Extension.subjectAlternativeName, false, new GeneralNames(new GeneralName[] {
                    new GeneralName(GeneralName.dNSName, "localhost"),
                    new GeneralName(GeneralName.iPAddress, "127.0.0.1")
                }));
            }
        }
    }

    private X509Certificate sign(X500Name subject, KeyPair owner, Extended extensions) {
        Instant now = Instant.now();
        try {
            X509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(
                    name,
                    new BigInteger(63, random),
                    Date.from(now.minus(VALID)),
                    Date.from(now.plus(VALID)),
                    subject,
                    owner.getPublic());
            extensions.addTo(builder);
            return new JcaX509CertificateConverter()
                    .getCertificate(
                            builder.build(new JcaContentSignerBuilder("SHA256withRSA").build(keys.getPrivate())));
        } catch (GeneralSecurityException | OperatorCreationException | CertIOException e) {
            throw new IllegalStateException("could not make a certificate of " + subject, e);
        }
    }

    private static KeyPair newKeys() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
            generator.initialize(KEY_BITS);
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java has RSA", e);
        }
    }

    private static byte[] encoded(X509Certificate certificate) {
        try {
            return certificate.getEncoded();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("a certificate that cannot be encoded", e);
        }
    }

    private static String pem(String what, byte[] content) {
        String text = Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII))
                .encodeToString(content);
        return "-----BEGIN " + what + "-----\n" + text + "\n-----END " + what + "-----\n";
    }
}
