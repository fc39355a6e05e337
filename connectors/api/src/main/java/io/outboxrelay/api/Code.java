package io.outboxrelay.api;

/**
 * What went wrong, as a code that stays the same whatever the words around it become: every warning and error that an
 * operator sees carries one. {@code docs/errors.md} tells the cause, the effect and the remedy of each.
 *
 * <p>A number is given once. A meaning that goes leaves its number unused.
 */
public enum Code {
    // The command line and the configuration

    CONFIG_UNREADABLE(1001, "The configuration file cannot be read"),
    CONFIG_SYNTAX(1002, "The configuration file is not valid HOCON"),
    CONFIG_VARIABLE_UNSET(1003, "A variable that the configuration names is not set"),
    CONFIG_UNKNOWN_SETTING(1004, "A setting does not exist"),
    CONFIG_BAD_VALUE(1005, "A setting has a value that is not allowed"),
    CONFIG_MISSING(1006, "A required setting is missing"),
    CONFIG_FILE_UNREADABLE(1007, "A file that a setting names cannot be read"),
    CONFIG_GIVEN_TWICE(1008, "A secret is given twice"),
    CONFIG_CONTRADICTION(1009, "Two settings contradict each other"),
    BAD_USAGE(1010, "The command line is wrong"),
    LOG_LEVEL_REFUSED(1011, "A log level cannot be set"),
    CLASS_ARCHIVE_NOT_MADE(1012, "The class archive cannot be made"),

    // Reaching and using the database

    DATABASE_UNREACHABLE(2001, "The database cannot be reached"),
    DATABASE_PASSWORD(2002, "The database refuses the password"),
    DATABASE_REFUSES(2003, "The database refuses the connection"),
    DATABASE_MISSING(2004, "The database does not exist"),
    DATABASE_RIGHT_MISSING(2005, "The relay's role lacks a right"),
    DATABASE_TABLE_MISSING(2006, "A table of the relay's is not there"),
    DATABASE_FAILED(2007, "The database refused a statement"),
    SERVER_IS_STANDBY(2101, "The server is a standby"),
    SERVER_TOO_OLD(2102, "The server's version is too old"),
    SERVER_UNTESTED(2103, "The server's version is newer than what was tested"),
    SESSIONS_CHANGE_HANDS(2104, "A pooler lends sessions for single transactions"),

    // The outbox table and the relay's own tables

    OUTBOX_NOT_FOUND(2201, "The outbox table is not found"),
    OUTBOX_IS_NO_TABLE(2202, "The outbox is no ordinary table"),
    OUTBOX_IS_PARTITION(2203, "The outbox that is named is one partition of a table"),
    OUTBOX_UNLOGGED(2204, "The outbox is unlogged"),
    OUTBOX_COLUMN_MISSING(2205, "The outbox lacks a column"),
    OUTBOX_COLUMN_TYPE(2206, "A column of the outbox has a type that cannot be used"),
    OUTBOX_NOT_READABLE(2207, "The outbox may not be read"),
    ROW_SECURITY(2208, "Row-level security may hide rows of the outbox"),
    SEQUENCE_CACHES(2209, "The sequence of the outbox hands out numbers in blocks"),
    RELAY_TABLES_MISSING(2301, "The relay's own tables are missing"),
    RELAY_TABLES_CLOSED(2302, "The relay may not use its own tables"),

    // Reading the log: server and publication

    WAL_LEVEL(3001, "The server does not log what logical decoding needs"),
    REPLICATION_RIGHT(3002, "The relay's role may not replicate"),
    SLOTS_USED_UP(3003, "All replication slots of the server are in use"),
    SENDERS_USED_UP(3004, "All WAL senders of the server are in use"),
    PUBLICATION_MISSING(3101, "The publication does not exist"),
    PUBLICATION_NAMES_PARTITIONS(3102, "The publication publishes partitions under their own names"),
    PUBLICATION_LACKS_TABLE(3103, "The publication lacks the outbox"),
    PUBLICATION_FILTERS_ROWS(3104, "The publication leaves out rows of the outbox"),
    PUBLICATION_LACKS_COLUMNS(3105, "The publication leaves out columns of the outbox"),
    PUBLICATION_LACKS_INSERTS(3106, "The publication does not publish inserts"),
    PUBLICATION_HAS_MORE(3107, "The publication publishes more than inserts"),

    // Reading the log: the replication slot

    SLOT_NOT_OURS(3201, "The replication slot is not one of the relay's"),
    SLOT_TEMPORARY(3202, "The replication slot is temporary"),
    SLOT_TWO_PHASE(3203, "The replication slot decodes prepared transactions"),
    SLOT_LOST(3204, "The server has given up the replication slot"),
    SLOT_NEARLY_LOST(3205, "The server is about to give up the replication slot"),
    SLOT_WITHOUT_FAILOVER(3206, "The replication slot is not copied to standbys"),
    FAILOVER_UNSUPPORTED(3207, "The server knows no slots that survive a failover"),
    SLOT_UNLIMITED(3208, "Nothing limits the log that the server keeps for slots"),
    SLOT_EXPIRES(3209, "The server drops slots that are not read for a while"),
    SLOT_MISSING(3210, "The replication slot does not exist and may not be made"),
    SLOT_NOT_DROPPED(3211, "A replication slot could not be dropped"),
    SLOT_LEFT_BEHIND(3212, "A replication slot that the relay does not read keeps log"),
    SLOT_OLDER_ROWS(3213, "The outbox holds rows that may be older than the slot"),
    SLOT_MADE_ANEW(3214, "A slot of unknown origin is made anew"),
    SLOT_CREATION_HANGS(3215, "The server does not stop creating a slot"),
    SLOT_READER_ENDED(3216, "A session that still read the slot for a former leader was ended"),
    SLOT_READER_STAYS(3217, "A session of another role reads the slot"),

    // Reading the log: the position

    POSITION_OTHER_SERVER(3301, "The database is on another server system than before"),
    POSITION_OLDER_TIMELINE(3302, "The server is an older copy"),
    POSITION_SLOT_GONE(3303, "The replication slot is gone"),
    POSITION_SLOT_MOVED(3304, "Somebody else has moved the replication slot"),
    POSITION_NEEDS_SNAPSHOT(3305, "A slot must be made by the relay itself"),
    POSITION_NEEDS_ORDER(3306, "Rows must be read from the table and nothing orders them"),
    POSITION_NOT_GIVEN_UP(3307, "The position in the log cannot be given up"),
    POSITION_UNSEEN(3308, "It cannot be seen whether a relay has read the log"),
    CHECKPOINT_CHANGED(3309, "Somebody else has changed the checkpoint"),
    POSITION_NOT_MOVED(3310, "The position was not moved at the stop"),
    ROWS_PASSED_OVER(3311, "The server has passed rows over, without their publication"),

    // Reading the log: the stream

    STREAM_STALLED(3401, "The log's stream stands still"),
    ENGINE_NOT_ENDED(3402, "The log's reader did not end in good order"),
    ROW_UPDATED(3403, "A row of the outbox was updated"),
    LOG_LEFT(3404, "The table is read instead of the log"),
    RETURN_GIVEN_UP(3405, "The return to the log was given up for now"),
    LOG_GROWS(3406, "The server keeps much log for the relay"),
    LOG_LIMIT(3407, "The server keeps more log for the relay than it may"),
    ROWS_MISSED(3408, "Rows had been missed by the log"),
    AUDIT_FAILS(3409, "The log cannot be compared with the table"),
    FALLBACK_LOSES_EVENTS(3410, "The fallback would lose events that only the log has"),

    // Reading the table and cleaning it up

    KEEP_CANNOT_POLL(4001, "A table that keeps delivered rows cannot be polled"),
    ORDER_COLUMN_MISSING(4002, "No column orders the rows"),
    ORDER_COLUMN_TYPE(4003, "The column that orders the rows has a type that cannot be used"),
    ORDER_COLUMN_NULL(4004, "The column that orders the rows may be NULL"),
    ORDER_INDEX_MISSING(4005, "No index finds the rows in their order"),
    ORDER_NOT_UNIQUE(4006, "Two rows may have the same number"),
    SHARDS_DIFFER(4007, "Relays of one outbox have different numbers of shards"),
    READERS_NOT_ENDED(4008, "The table's readers have not ended"),
    DELETE_RIGHT_MISSING(4101, "The relay may not delete delivered rows"),
    MARK_COLUMN_MISSING(4102, "The column that marks delivered rows is missing"),
    MARK_COLUMN_TYPE(4103, "The column that marks delivered rows holds no time"),
    MARK_RIGHT_MISSING(4104, "The relay may not mark delivered rows"),
    MARK_TRIGGER(4105, "A trigger fires when a row is marked"),
    CLEANUP_FAILED(4106, "Delivered rows cannot be removed or marked"),
    PARTITIONS_MISSING(4201, "The outbox is not partitioned as the relay needs it"),
    PARTITIONS_NOT_OWNED(4202, "The relay may not make and drop partitions"),
    PARTITIONS_SEQUENCE(4203, "No sequence numbers the rows of the partitions"),
    PARTITION_DEFAULT(4204, "The outbox has a default partition"),
    PARTITION_UNBOUNDED(4205, "A partition has no upper limit"),
    PARTITION_DETACHING(4206, "The detaching of a partition was interrupted"),
    PARTITION_NOT_THERE(4207, "There is no partition for the next rows"),
    PARTITION_REPLACED(4208, "A detached partition is another table now"),
    PARTITIONS_LEFT_BEHIND(4209, "Detached partitions are looked after by nobody"),
    PARTITIONS_FAIL(4210, "A step on the partitions failed"),

    // The broker

    BROKER_UNREACHABLE(5001, "The broker cannot be reached"),
    BROKER_REFUSES(5002, "The broker refuses the relay"),
    BROKER_FAILED(5003, "The broker failed and is opened again"),
    BROKER_DEAD(5004, "The broker failed several times in a row and is probed"),
    BROKER_SILENT(5005, "The broker answers nothing"),
    BROKER_NOT_CLOSED(5006, "The broker's client did not close in good order"),
    BROKER_FILES_UNUSABLE(5007, "Changed certificates or secrets of the broker cannot be used"),
    BROKER_NOT_DRAINED(5008, "A broker that is exchanged left messages unanswered"),
    TOPIC_MISSING(5101, "The topic does not exist"),
    TOPIC_REFUSES(5102, "The topic takes no message"),
    TOPIC_UNREADABLE(5103, "The topic's settings may not be read"),
    TOPIC_BATCH_SMALL(5104, "The topic takes smaller batches than the relay makes"),
    TOPIC_UNWRITABLE(5105, "The topic wants more copies than there are brokers for"),
    TOPIC_NOT_DURABLE(5106, "Messages may be lost with one broker"),
    IDEMPOTENCE_RIGHT(5107, "The relay may not write idempotently"),
    ORDER_AT_RISK(5108, "Messages of one key may be stored out of order"),

    // Rejected events, dead letters and claim checks

    EVENT_HALTED(6001, "The relay has halted at an event"),
    EVENT_PUT_ASIDE(6002, "An event is put aside as a dead letter"),
    EVENT_REJECTED_AGAIN(6003, "A dead letter is rejected again"),
    EVENT_SKIPPED(6004, "An operator has skipped an event"),
    EVENT_DISCARDED(6005, "An operator has discarded an event"),
    REQUESTS_UNREADABLE(6006, "What the operator says cannot be read"),
    DEAD_LETTERS_UNSTORED(6101, "Rejected events cannot be put aside"),
    DEAD_LETTER_TABLE_MISSING(6102, "The table for dead letters is missing"),
    DEAD_LETTER_TABLE_CLOSED(6103, "The relay may not use the table for dead letters"),
    DEAD_LETTERS_THERE(6104, "Dead letters wait for an operator"),
    DEAD_LETTERS_UNATTENDED(6105, "Dead letters cannot be looked after"),
    DEAD_LETTER_UNKNOWN(6106, "No such event is put aside"),
    DEAD_LETTER_BEHIND(6107, "Another event of the aggregate must go first"),
    PAYLOADS_UNSTORED(6201, "Payloads of claim checks cannot be stored"),
    PAYLOAD_TABLE_MISSING(6202, "The table for payloads of claim checks is missing"),
    PAYLOAD_TABLE_CLOSED(6203, "The relay may not use the table for payloads"),
    PAYLOADS_NOT_EXPIRED(6204, "Expired payloads cannot be deleted"),
    PAYLOAD_NOT_READ(6205, "A payload that a consumer asked for cannot be read"),

    // The running relay

    OUTBOX_IS_READ(7001, "Another relay reads this outbox"),
    LOCK_LOST(7002, "The lock on the outbox is lost"),
    STOP_UNSETTLED(7003, "Not everything was settled at the stop"),
    STOP_FORCED(7004, "The relay did not stop in good order"),
    PORT_NOT_OPENED(7005, "The relay cannot listen at its port"),
    RUN_FAILED(7006, "The run failed and begins again"),
    STUCK(7007, "A part of the relay is stuck"),
    ADMIN_CERTIFICATE_UNUSABLE(7008, "The certificate of the admin port cannot be used"),

    // Tracing

    SPANS_NOT_EXPORTED(7101, "Spans cannot be exported"),
    SPANS_DROPPED(7102, "Spans are dropped"),

    // The relay itself

    UNEXPECTED(7901, "An unexpected failure inside the relay");

    private final String id;
    private final String title;

    Code(int number, String title) {
        this.id = "OR-" + number;
        this.title = title;
    }

    /** The code, as {@code OR-2001}. */
    public String id() {
        return id;
    }

    /** What it stands for, in a few words without a stop. */
    public String title() {
        return title;
    }

    /** The code itself, for the beginning of a line. */
    @Override
    public String toString() {
        return id;
    }
}
