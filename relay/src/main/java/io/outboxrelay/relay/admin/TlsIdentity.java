package io.outboxrelay.relay.admin;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.X509ExtendedKeyManager;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import io.outboxrelay.api.Code;
import io.outboxrelay.relay.config.AdminTls;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import static java.nio.charset.StandardCharsets.US_ASCII;

/**
 * The server's certificate and key, from PEM files. When a file changes, connections that begin later see the new
 * certificate; one that cannot be used is told in the log, and the former stays.
 */
final class TlsIdentity extends X509ExtendedKeyManager {

    private static final Logger log = LoggerFactory.getLogger(TlsIdentity.class);

    private static final long LOOK_EACH_NANOS = TimeUnit.SECONDS.toNanos(2);

    private static final Pattern KEY =
            Pattern.compile("-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\\s]+)-----END PRIVATE KEY-----");

    private static final List<String> ALGORITHMS = List.of("EC", "RSA", "EdDSA");

    /** The content of both files; a record's own text would hold the key. */
    private record Pem(String certificate, String key) {
        @Override
        public String toString() {
            return "a certificate and its key";
        }
    }

    private final AdminTls paths;

    private Pem seen;
    private long lookAgain;
    private volatile X509ExtendedKeyManager current;

    private TlsIdentity(AdminTls paths, Pem seen, X509ExtendedKeyManager current) {
        this.paths = paths;
        this.seen = seen;
        this.current = current;
        this.lookAgain = System.nanoTime() + LOOK_EACH_NANOS;
    }

    /** @throws IOException if the files cannot be used; the message names the setting */
    static TlsIdentity of(AdminTls paths) throws IOException {
        Pem files = read(paths);
        return new TlsIdentity(paths, files, manager(files, paths));
    }

    /** Has a server use it. */
    HttpsServer secure(HttpsServer server) throws IOException {
        SSLContext context;
        try {
            context = SSLContext.getInstance("TLS");
            context.init(new KeyManager[] {this}, null, null);
        } catch (GeneralSecurityException e) {
            throw new TlsFileException("admin.tls cannot be used: " + e.getMessage(), e);
        }
        server.setHttpsConfigurator(new HttpsConfigurator(context) {
            @Override
            public void configure(HttpsParameters parameters) {
                SSLParameters ssl = getSSLContext().getDefaultSSLParameters();
                ssl.setProtocols(new String[] {"TLSv1.3", "TLSv1.2"});
                parameters.setSSLParameters(ssl);
            }
        });
        return server;
    }

    @Override
    public String chooseEngineServerAlias(String keyType, Principal[] issuers, SSLEngine engine) {
        look();
        return current.chooseEngineServerAlias(keyType, issuers, engine);
    }

    @Override
    public String chooseServerAlias(String keyType, Principal[] issuers, Socket socket) {
        look();
        return current.chooseServerAlias(keyType, issuers, socket);
    }

    @Override
    public X509Certificate[] getCertificateChain(String alias) {
        return current.getCertificateChain(alias);
    }

    @Override
    public PrivateKey getPrivateKey(String alias) {
        return current.getPrivateKey(alias);
    }

    @Override
    public String[] getServerAliases(String keyType, Principal[] issuers) {
        return current.getServerAliases(keyType, issuers);
    }

    @Override
    public String[] getClientAliases(String keyType, Principal[] issuers) {
        return new String[0];
    }

    @Override
    public String chooseClientAlias(String[] keyType, Principal[] issuers, Socket socket) {
        return null;
    }

    private synchronized void look() {
        if (System.nanoTime() - lookAgain < 0) {
            return;
        }
        lookAgain = System.nanoTime() + LOOK_EACH_NANOS;
        try {
            Pem now = read(paths);
            if (!now.equals(seen)) {
                seen = now;
                current = manager(now, paths);
                log.info("The admin port uses the new certificate in {}", paths.certificate());
            }
        } catch (IOException e) {
            log.warn(
                    "{} The admin port keeps its former certificate: {}",
                    Code.ADMIN_CERTIFICATE_UNUSABLE,
                    e.getMessage());
        }
    }

    private static Pem read(AdminTls paths) throws IOException {
        return new Pem(text("certificate", paths.certificate()), text("key", paths.key()));
    }

    private static String text(String setting, Path path) throws IOException {
        try {
            return Files.readString(path, US_ASCII);
        } catch (IOException e) {
            throw new TlsFileException(
                    "admin.tls." + setting + ": cannot read " + path + " ("
                            + e.getClass().getSimpleName() + ")",
                    e);
        }
    }

    private static X509ExtendedKeyManager manager(Pem files, AdminTls paths) throws IOException {
        Certificate[] chain = chain(files.certificate(), paths.certificate());
        PrivateKey key = key(files.key(), paths.key());
        char[] none = new char[0];
        try {
            if (!isPair(key, chain[0].getPublicKey())) {
                throw new TlsFileException("admin.tls.key: is no key of the certificate in " + paths.certificate());
            }
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, none);
            store.setKeyEntry("admin", key, none, chain);
            KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            factory.init(store, none);
            return Arrays.stream(factory.getKeyManagers())
                    .filter(X509ExtendedKeyManager.class::isInstance)
                    .map(X509ExtendedKeyManager.class::cast)
                    .findFirst()
                    .orElseThrow();
        } catch (GeneralSecurityException e) {
            throw new TlsFileException("admin.tls cannot be used: " + e.getMessage(), e);
        }
    }

    private static boolean isPair(PrivateKey key, PublicKey certified) throws GeneralSecurityException {
        if (!key.getAlgorithm().equals(certified.getAlgorithm())) {
            return false;
        }
        String algorithm = key.getAlgorithm().equals("EdDSA")
                ? "EdDSA"
                : "SHA256with" + (key.getAlgorithm().equals("EC") ? "ECDSA" : key.getAlgorithm());
        byte[] signed = "a proof".getBytes(US_ASCII);
        Signature signing = Signature.getInstance(algorithm);
        signing.initSign(key);
        signing.update(signed);
        byte[] signature = signing.sign();
        Signature checking = Signature.getInstance(algorithm);
        checking.initVerify(certified);
        checking.update(signed);
        return checking.verify(signature);
    }

    private static Certificate[] chain(String pem, Path path) throws IOException {
        try (InputStream in = new ByteArrayInputStream(pem.getBytes(US_ASCII))) {
            Certificate[] chain = CertificateFactory.getInstance("X.509")
                    .generateCertificates(in)
                    .toArray(new Certificate[0]);
            if (chain.length == 0) {
                throw new TlsFileException("admin.tls.certificate: " + path + " holds no certificate");
            }
            return chain;
        } catch (GeneralSecurityException e) {
            throw new TlsFileException("admin.tls.certificate: " + path + " holds no certificate in PEM", e);
        }
    }

    private static PrivateKey key(String pem, Path path) throws IOException {
        Matcher found = KEY.matcher(pem);
        if (!found.find()) {
            throw new TlsFileException(
                    "admin.tls.key: " + path + " holds no private key in PKCS #8 that is not encrypted;"
                            + " make one with openssl pkcs8 -topk8 -nocrypt");
        }
        try {
            PKCS8EncodedKeySpec encoded =
                    new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(found.group(1)));
            for (String algorithm : ALGORITHMS) {
                try {
                    return KeyFactory.getInstance(algorithm).generatePrivate(encoded);
                } catch (InvalidKeySpecException e) {
                    // Of another algorithm.
                }
            }
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw new TlsFileException("admin.tls.key: " + path + " cannot be read", e);
        }
        throw new TlsFileException("admin.tls.key: " + path + " holds no key of " + String.join(", ", ALGORITHMS));
    }
}
