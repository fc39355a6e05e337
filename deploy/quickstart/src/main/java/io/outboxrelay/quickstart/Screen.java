package io.outboxrelay.quickstart;

import java.io.Console;
import java.io.PrintStream;
import java.util.Locale;

/**
 * What the user sees: lines, and below them one live line that is rewritten on a terminal and printed once a second
 * elsewhere. Safe for use by any thread.
 */
final class Screen {

    private static final String ERASE_LINE = "\r\u001b[K";
    private static final long LIVE_LINE_NANOS = 1_000_000_000;

    private final PrintStream out;
    private final boolean terminal;
    private String live = "";
    private long livePrintedAt;

    /**
     * @param out where to
     * @param terminal whether a line can be rewritten there
     */
    Screen(PrintStream out, boolean terminal) {
        this.out = out;
        this.terminal = terminal;
    }

    static Screen ofThisProcess() {
        return new Screen(System.out, isTerminal());
    }

    synchronized void line(String text, Object... arguments) {
        String line = arguments.length == 0 ? text : String.format(Locale.ROOT, text, arguments);
        out.println(terminal && !live.isEmpty() ? ERASE_LINE + line : line);
        rewriteLive();
    }

    /** Shows where it stands; to be called a few times a second. */
    synchronized void live(String text) {
        live = text;
        if (terminal) {
            rewriteLive();
        } else if (System.nanoTime() - livePrintedAt >= LIVE_LINE_NANOS) {
            livePrintedAt = System.nanoTime();
            out.println(text);
        }
    }

    /** Leaves the live line as it is, and goes on below. */
    synchronized void endLive() {
        if (terminal && !live.isEmpty()) {
            out.println();
        }
        live = "";
    }

    private void rewriteLive() {
        if (terminal && !live.isEmpty()) {
            out.print(ERASE_LINE + live);
            out.flush();
        }
    }

    @SuppressWarnings("SystemConsoleNull") // From Java 22 on it is asked below.
    private static boolean isTerminal() {
        Console console = System.console();
        if (console == null) {
            return false;
        }
        try {
            return (boolean) Console.class.getMethod("isTerminal").invoke(console);
        } catch (NoSuchMethodException olderJava) {
            return true;
        } catch (ReflectiveOperationException e) {
            return false;
        }
    }
}
