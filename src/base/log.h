/* base/log.h: what a person sees while it works, on stderr. Below cli/ nobody prints results or errors, but long work shows
 * a progress line (done, rate, time left) on a terminal, and a plain line now and then elsewhere. */
#ifndef SOCLE_BASE_LOG_H
#define SOCLE_BASE_LOG_H
#include <stdbool.h>
#include <stdint.h>

typedef enum { LOG_QUIET, LOG_NORMAL, LOG_VERBOSE } log_level;
void log_set_level(log_level level);
log_level log_get_level(void);
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));    /* normal and verbose */
void log_detail(const char *format, ...) __attribute__((format(printf, 1, 2)));  /* verbose only */
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2))); /* always, "warning: ..." */

/* One progress display; a terminal shows it redrawn at most ten times a second, a file gets a line each 10 seconds.
 * Thread-safe: progress_at may be called from parallel work. */
typedef struct progress {
    const char *what, *unit; /* "curate", "documents" */
    double total;            /* 0: not known */
    double start, shown;     /* seconds of clock_seconds */
    double done;
    int drawn; /* columns on the terminal now */
} progress;
void progress_start(progress *p, const char *what, const char *unit, double total);
/* `note` (may be NULL) is appended: "loss 3.21". */
void progress_at(progress *p, double done, const char *note);
void progress_end(progress *p, const char *note); /* leaves one plain line: what, how many, how long, rate */

double clock_seconds(void); /* monotonic */
double clock_unix(void);    /* seconds since 1970, UTC */
/* "1m 05s", "2h 03m", "450ms" into the buffer, which is returned. */
char *duration_text(double seconds, char buffer[32]);

#endif
