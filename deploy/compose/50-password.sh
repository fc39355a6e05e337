# The relay's password, out of the environment. A statement that psql reads, and so quotes, itself.
psql -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d "$POSTGRES_DB" <<'END'
\getenv password OUTBOX_RELAY_PASSWORD
ALTER ROLE outbox_relay PASSWORD :'password';
END
