package io.outboxrelay.testkit;

import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * A Kafka that asks who is there (SASL/PLAIN, unencrypted) and lets nobody do anything that no ACL allows, but for the
 * user {@code admin}, who may do all. Start it with {@link #serverProperties()}.
 *
 * @param passwords by user
 */
public record KafkaLogins(Map<String, String> passwords) {

    /** The superuser, added to the users given; its password is its name. */
    public static final String ADMIN = "admin";

    private static final String LOGIN_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule required ";

    /** Adds the superuser. */
    public KafkaLogins {
        Map<String, String> all = new TreeMap<>(passwords);
        all.put(ADMIN, ADMIN);
        passwords = Map.copyOf(all);
    }

    /** What {@link KafkaServer#start(Map)} takes. The server's own listeners stay open to it. */
    public Map<String, String> serverProperties() {
        String users = passwords.entrySet().stream()
                .map(login -> "user_" + login.getKey() + "=\"" + login.getValue() + "\"")
                .collect(Collectors.joining(" "));
        return Map.of(
                "listener.security.protocol.map", "PLAINTEXT:SASL_PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "sasl.enabled.mechanisms", "PLAIN",
                "listener.name.plaintext.plain.sasl.jaas.config", LOGIN_MODULE + users + ";",
                "authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users", "User:" + ADMIN + ";User:ANONYMOUS");
    }

    /** What a client needs to connect as this user, all but {@code bootstrap.servers}. */
    public Map<String, String> clientProperties(String user) {
        return Map.of(
                "security.protocol", "SASL_PLAINTEXT",
                "sasl.mechanism", "PLAIN",
                "sasl.jaas.config",
                        LOGIN_MODULE + "username=\"" + user + "\" password=\"" + passwords.get(user) + "\";");
    }

    /** Starts such a server, whose topics are the superuser's to make and to read. */
    public KafkaServer start(Map<String, String> moreProperties) {
        Map<String, String> properties = new TreeMap<>(serverProperties());
        properties.putAll(moreProperties);
        KafkaServer server = KafkaServer.start(properties);
        return new KafkaServer() {
            @Override
            public String bootstrapServers() {
                return server.bootstrapServers();
            }

            @Override
            public void stop() {
                server.stop();
            }

            @Override
            public void restart() {
                server.restart();
            }

            @Override
            public void close() {
                server.close();
            }

            @Override
            public KafkaTopics topics() {
                return KafkaLogins.this.topics(server);
            }
        };
    }

    /** The server's topics, as superuser: {@link KafkaServer#topics()} is not let in. */
    public KafkaTopics topics(KafkaServer server) {
        Map<String, Object> client = new TreeMap<>(clientProperties(ADMIN));
        client.put("bootstrap.servers", server.bootstrapServers());
        return new KafkaTopics(client);
    }

    /** Without the passwords. */
    @Override
    public String toString() {
        return "logins of " + passwords.keySet();
    }
}
