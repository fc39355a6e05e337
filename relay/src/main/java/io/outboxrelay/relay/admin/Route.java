package io.outboxrelay.relay.admin;

/**
 * One thing that can be asked.
 *
 * @param method the method of HTTP
 * @param path the whole path
 * @param needs what who asks must have
 * @param endpoint answers; called by several threads
 */
record Route(String method, String path, Needs needs, Endpoint endpoint) {

    /** What who asks must have. */
    enum Needs {
        /** Nothing, whatever the settings. */
        NOTHING,
        /** Credentials where reading is protected. */
        READING,
        /** Credentials. */
        ACTING
    }

    /** Answers one question. */
    @FunctionalInterface
    interface Endpoint {

        /**
         * Answers, or says why not.
         *
         * @throws Exception if it cannot; a {@link RefusedException} and what the database says are told to who asks
         */
        Answer answer(Question question) throws Exception;
    }

    static Route open(String path, Endpoint endpoint) {
        return new Route("GET", path, Needs.NOTHING, endpoint);
    }

    static Route reading(String path, Endpoint endpoint) {
        return new Route("GET", path, Needs.READING, endpoint);
    }

    static Route acting(String path, Endpoint endpoint) {
        return new Route("POST", path, Needs.ACTING, endpoint);
    }
}
