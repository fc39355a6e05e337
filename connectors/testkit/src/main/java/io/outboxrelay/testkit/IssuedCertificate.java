package io.outboxrelay.testkit;

/**
 * A certificate with its key, both in PEM.
 *
 * @param certificatePem the certificate alone
 * @param keyPem the private key, not encrypted
 */
public record IssuedCertificate(String certificatePem, String keyPem) {

    /** Both in one text, as Kafka's PEM stores want them. */
    public String keyStorePem() {
        return keyPem + certificatePem;
    }

    /** Without the key. */
    @Override
    public String toString() {
        return certificatePem;
    }
}
