#include "base/log.h"

#include "base/string.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    log_level level;
    progress *drawn; /* whose line stands on the terminal now */
} out = {.lock = PTHREAD_MUTEX_INITIALIZER, .level = LOG_NORMAL};

static bool on_terminal(void) {
    static int known; /* 0: not asked yet; both answers of a race are the same */
    int is = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (is == 0) {
        is = isatty(STDERR_FILENO) ? 1 : 2;
        __atomic_store_n(&known, is, __ATOMIC_RELAXED);
    }
    return is == 1;
}

double clock_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double clock_unix(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

char *duration_text(double seconds, char buffer[32]) {
    if (!(seconds >= 0)) seconds = 0;
    if (seconds > 1e9) seconds = 1e9;
    const long s = (long)(seconds + 0.5);
    if (seconds < 0.9995) snprintf(buffer, 32, "%.0fms", seconds * 1e3);
    else if (seconds < 59.95) snprintf(buffer, 32, "%.1fs", seconds);
    else if (s < 3600) snprintf(buffer, 32, "%ldm %02lds", s / 60, s % 60);
    else if (s < 86400) snprintf(buffer, 32, "%ldh %02ldm", s / 3600, s % 3600 / 60);
    else snprintf(buffer, 32, "%ldd %02ldh", s / 86400, s % 86400 / 3600);
    return buffer;
}

void log_set_level(log_level level) {
    __atomic_store_n(&out.level, level, __ATOMIC_RELAXED);
}

log_level log_get_level(void) {
    return __atomic_load_n(&out.level, __ATOMIC_RELAXED);
}

static void erase(void) {
    if (out.drawn == NULL) return;
    fputs("\r\033[K", stderr);
    out.drawn->drawn = 0;
    out.drawn = NULL;
}

/* What is logged may hold words of strangers (the path of a request): a line stays one line, and a terminal is told nothing. */
static void put_escaped(const char *text) {
    for (const char *c = text; *c != 0; c++) {
        const unsigned char byte = (unsigned char)*c, next = (unsigned char)c[1];
        const bool c1 = byte == 0xc2 && next >= 0x80 && next < 0xa0; /* U+0080 to U+009F are control characters, too */
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f || c1) fprintf(stderr, "\\x%02x", byte);
        else fputc(byte, stderr);
        if (c1) fprintf(stderr, "\\x%02x", (unsigned char)*++c);
    }
}

static void log_put(const char *before, const char *format, va_list list) {
    char line[4096]; /* what does not fit is no line anybody reads */
    vsnprintf(line, sizeof line, format, list);
    pthread_mutex_lock(&out.lock);
    erase();
    fputs(before, stderr);
    put_escaped(line);
    fputc('\n', stderr);
    pthread_mutex_unlock(&out.lock);
}

void log_line(const char *format, ...) {
    va_list list;
    va_start(list, format);
    if (log_get_level() >= LOG_NORMAL) log_put("", format, list);
    va_end(list);
}

void log_detail(const char *format, ...) {
    va_list list;
    va_start(list, format);
    if (log_get_level() >= LOG_VERBOSE) log_put("", format, list);
    va_end(list);
}

void log_warning(const char *format, ...) {
    va_list list;
    va_start(list, format);
    log_put("warning: ", format, list);
    va_end(list);
}

/* 1234567 as "1,234,567"; small ones with what matters of the fraction. */
static void put_count(string *s, double x) {
    if (x < 100 && x != (double)(long)x) {
        string_print(s, x < 10 ? "%.2f" : "%.1f", x);
        return;
    }
    char text[32];
    const int n = snprintf(text, sizeof text, "%.0f", x);
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0 && text[i - 1] != '-') string_char(s, ',');
        string_char(s, text[i]);
    }
}

static void put_state(string *s, const progress *p, double now, const char *note) {
    char text[32];
    const double spent = now - p->start, rate = spent > 0 ? p->done / spent : 0;
    string_print(s, "%s: ", p->what);
    if (p->total > 0) string_print(s, "%.0f%%, ", 100 * p->done / p->total);
    put_count(s, p->done);
    if (p->total > 0) {
        string_text(s, " of ");
        put_count(s, p->total);
    }
    string_print(s, " %s, ", p->unit);
    put_count(s, rate);
    string_text(s, "/s");
    if (p->total > p->done && rate > 0) string_print(s, ", %s left", duration_text((p->total - p->done) / rate, text));
    if (note != NULL && note[0] != 0) string_print(s, ", %s", note);
}

void progress_start(progress *p, const char *what, const char *unit, double total) {
    const double now = clock_seconds();
    *p = (progress){.what = what, .unit = unit, .total = total, .start = now, .shown = now};
}

void progress_at(progress *p, double done, const char *note) {
    pthread_mutex_lock(&out.lock);
    if (done > p->done) p->done = done; /* parallel work may report out of order */
    const double now = clock_seconds();
    if (out.level >= LOG_NORMAL && now - p->shown >= (on_terminal() ? 0.1 : 10)) {
        string s = {0};
        put_state(&s, p, now, note);
        if (on_terminal()) {
            struct winsize w = {0};
            if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 && s.length >= w.ws_col)
                s.data[w.ws_col - 1] = 0; /* a line that wraps cannot be redrawn */
            if (out.drawn != NULL && out.drawn != p) erase();
            fprintf(stderr, "\r%s\033[K", string_chars(&s));
            out.drawn = p;
            p->drawn = (int)s.length;
        } else fprintf(stderr, "%s\n", string_chars(&s));
        fflush(stderr);
        p->shown = now;
        string_drop(&s);
    }
    pthread_mutex_unlock(&out.lock);
}

void progress_end(progress *p, const char *note) {
    pthread_mutex_lock(&out.lock);
    erase();
    if (out.level >= LOG_NORMAL) {
        char text[32];
        string s = {0};
        const double spent = clock_seconds() - p->start;
        string_print(&s, "%s: ", p->what);
        put_count(&s, p->done);
        string_print(&s, " %s in %s, ", p->unit, duration_text(spent, text));
        put_count(&s, spent > 0 ? p->done / spent : 0);
        string_text(&s, "/s");
        if (note != NULL && note[0] != 0) string_print(&s, ", %s", note);
        fprintf(stderr, "%s\n", string_chars(&s));
        string_drop(&s);
    }
    pthread_mutex_unlock(&out.lock);
}
