package io.outboxrelay.relay;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.outboxrelay.postgres.FiguresReader;
import io.outboxrelay.postgres.Lease;
import io.outboxrelay.postgres.OutboxFigures;
import io.outboxrelay.postgres.OutboxSetup;
import io.outboxrelay.postgres.ReplicationSlot;
import io.outboxrelay.postgres.SetupStep;
import org.junit.jupiter.api.Test;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

class ArchitectureTest {

    private static final String RELAY = "io.outboxrelay.relay";

    private final JavaClasses all = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("io.outboxrelay");

    @Test
    void theRelayKnowsNoConnectorAndNoClientOfOne() {
        noClasses()
                .that()
                .resideInAPackage(RELAY + "..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "io.outboxrelay.source..",
                        "io.outboxrelay.broker..",
                        "io.outboxrelay.testkit..",
                        "io.debezium..",
                        "org.apache.kafka..",
                        "org.postgresql..")
                .check(all);
    }

    @Test
    void ofTheWayToPostgresTheRelayKnowsOnlyTheLeaseTheFiguresAndTheSetup() {
        noClasses()
                .that()
                .resideInAPackage(RELAY + "..")
                .and()
                .doNotHaveSimpleName("OutboxLock")
                .should()
                .dependOnClassesThat(JavaClass.Predicates.resideInAPackage("io.outboxrelay.postgres..")
                        .and(not(JavaClass.Predicates.belongToAnyOf(OutboxFigures.class, ReplicationSlot.Holder.class)))
                        .and(not(JavaClass.Predicates.belongToAnyOf(OutboxSetup.class, SetupStep.class)))
                        .and(not(JavaClass.Predicates.assignableTo(FiguresReader.class))))
                .check(all);
        noClasses()
                .that()
                .haveSimpleName("OutboxLock")
                .should()
                .dependOnClassesThat(JavaClass.Predicates.resideInAPackage("io.outboxrelay.postgres..")
                        .and(not(JavaClass.Predicates.assignableTo(Lease.class)))
                        .and(not(JavaClass.Predicates.assignableTo(Lease.Key.class))))
                .check(all);
    }

    @Test
    void nothingElseKnowsTheRelay() {
        noClasses()
                .that()
                .resideOutsideOfPackage(RELAY + "..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage(RELAY + "..")
                .check(all);
    }

    @Test
    void deliveryKnowsNothingOfConfigurationCommandsOrOperations() {
        noClasses()
                .that()
                .resideInAPackage(RELAY + ".delivery..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        RELAY,
                        RELAY + ".config..",
                        RELAY + ".ops..",
                        "io.outboxrelay.api.config..",
                        "com.typesafe.config..",
                        "com.zaxxer..",
                        "picocli..",
                        "java.sql..",
                        "javax.sql..")
                .check(all);
    }

    @Test
    void onlyTracingKnowsOpenTelemetry() {
        noClasses()
                .that()
                .resideOutsideOfPackage(RELAY + ".tracing..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.opentelemetry..")
                .check(all);
    }

    @Test
    void onlyCommandsKnowTheCommandLine() {
        noClasses()
                .that()
                .resideInAPackage(RELAY + "..")
                .and()
                .resideOutsideOfPackage(RELAY + ".command")
                .and(not(JavaClass.Predicates.type(Main.class)))
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("picocli..", RELAY + ".command..")
                .check(all);
        noClasses()
                .should()
                .dependOnClassesThat(JavaClass.Predicates.type(Main.class))
                .check(all);
    }

    @Test
    void onlyConfigurationAndConnectorsReadSettings() {
        noClasses()
                .that()
                .resideInAnyPackage(RELAY, RELAY + ".ops..", RELAY + ".delivery..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("com.typesafe.config..")
                .check(all);
    }

    @Test
    void packagesOfTheRelayFormNoCycle() {
        slices().matching(RELAY + ".(*)..").should().beFreeOfCycles().check(all);
        noClasses()
                .that()
                .resideInAnyPackage(RELAY + ".config..", RELAY + ".ops..", RELAY + ".delivery..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage(RELAY)
                .check(all);
    }
}
