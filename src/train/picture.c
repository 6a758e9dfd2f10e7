/* loss.svg: the training curve (thin as it was, thick as it is smoothed) and the points of the evaluation. */
#include "train/metrics.h"

#include <math.h>

enum { WIDTH = 640, HEIGHT = 320, LEFT = 52, RIGHT = 16, TOP = 36, BOTTOM = 40, MOST_POINTS = 480 };

typedef struct frame {
    double first, last, least, most; /* steps; losses */
} frame;

static double frame_x(const frame *f, double step) {
    return LEFT + (WIDTH - LEFT - RIGHT) * (f->last > f->first ? (step - f->first) / (f->last - f->first) : 0.5);
}

static double frame_y(const frame *f, double loss) {
    const double y = TOP + (HEIGHT - TOP - BOTTOM) * (f->most - loss) / (f->most - f->least);
    return y < TOP ? TOP : y;
}

/* 1, 2 or 5 times a power of ten, so that about `n` of them fit. */
static double tick_size(double range, int n) {
    const double raw = range / n, power = pow(10, floor(log10(raw))), share = raw / power;
    return power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
}

/* At most MOST_POINTS points, each the mean of the steps it stands for. */
static long points_of(const metrics_row *rows, long n, double step[MOST_POINTS], double loss[MOST_POINTS]) {
    const long k = n < MOST_POINTS ? n : MOST_POINTS;
    long kept = 0;
    for (long i = 0; i < k; i++) {
        double sum = 0, at = 0, m = 0;
        for (long j = i * n / k; j < (i + 1) * n / k; j++)
            if (isfinite(rows[j].loss)) sum += rows[j].loss, at += (double)rows[j].step, m++;
        if (m > 0) step[kept] = at / m, loss[kept++] = sum / m;
    }
    return kept;
}

static void put_curve(string *out, const char *class, const frame *f, const double *step, const double *loss, long n) {
    string_print(out, "<polyline class=\"%s\" points=\"", class);
    for (long i = 0; i < n; i++) string_print(out, "%s%.1f,%.1f", i == 0 ? "" : " ", frame_x(f, step[i]), frame_y(f, loss[i]));
    string_text(out, "\"/>\n");
}

static void put_axes(string *out, const frame *f) {
    const double dy = tick_size(f->most - f->least, 5), dx = fmax(1, tick_size(fmax(1, f->last - f->first), 6));
    for (double y = ceil(f->least / dy) * dy; y <= f->most + 1e-9; y += dy)
        string_print(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/><text class=\"end\" x=\"%d\" y=\"%.1f\">%g</text>\n", LEFT,
                     WIDTH - RIGHT, frame_y(f, y), frame_y(f, y), LEFT - 8, frame_y(f, y) + 4, fabs(y) < dy / 2 ? 0 : y);
    for (double x = ceil(f->first / dx) * dx; x <= f->last + 1e-9; x += dx)
        string_print(out, "<text class=\"middle\" x=\"%.1f\" y=\"%d\">%.0f</text>\n", frame_x(f, x), HEIGHT - BOTTOM + 18, x);
    string_print(out, "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>\n", LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM, HEIGHT - BOTTOM);
    string_print(out, "<text class=\"middle\" x=\"%d\" y=\"%d\">step</text>\n", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6);
}

static void put_title(string *out, const char *title) {
    string_print(out, "<text class=\"title\" x=\"%d\" y=\"20\">", LEFT);
    for (; *title != 0; title++) {
        if (*title == '<') string_text(out, "&lt;");
        else if (*title == '&') string_text(out, "&amp;");
        else if ((unsigned char)*title >= ' ') string_char(out, *title);
    }
    string_text(out, "</text>\n");
}

static void put_legend(string *out, double train, double valid, bool has_valid) {
    const int width = has_valid ? 210 : 100;
    int x = WIDTH - RIGHT - width;
    string_print(out, "<line class=\"train\" x1=\"%d\" x2=\"%d\" y1=\"16\" y2=\"16\"/><text x=\"%d\" y=\"20\">train %.3f</text>\n", x, x + 18, x + 24, train);
    x += 110;
    if (has_valid)
        string_print(out, "<circle class=\"valid\" cx=\"%d\" cy=\"16\" r=\"3.5\"/><text x=\"%d\" y=\"20\">valid %.3f</text>\n", x + 9, x + 24, valid);
}

static frame frame_of(const metrics_row *rows, long n, const double *loss, long n_point) {
    frame f = {.first = (double)rows[0].step, .last = (double)rows[n - 1].step, .least = INFINITY, .most = -INFINITY};
    for (long i = 0; i < n_point; i++) f.least = fmin(f.least, loss[i]), f.most = fmax(f.most, loss[i]);
    for (long i = 0; i < n; i++)
        if (isfinite(rows[i].valid_loss)) f.least = fmin(f.least, rows[i].valid_loss), f.most = fmax(f.most, rows[i].valid_loss);
    if (!(f.least <= f.most)) f.least = 0, f.most = 1;
    const double margin = fmax(0.05 * (f.most - f.least), fmax(0.01, 1e-3 * fmax(fabs(f.most), fabs(f.least))));
    f.least -= margin, f.most += margin;
    return f;
}

void loss_picture(const metrics_row *rows, long n, const char *title, string *out) {
    double step[MOST_POINTS], loss[MOST_POINTS], smooth[MOST_POINTS];
    string_print(out,
                 "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"loss by step\">\n"
                 "<style>text{font:12px system-ui,sans-serif;fill:#57606a}.title{font-weight:600;fill:#24292f}.end{text-anchor:end}.middle{text-anchor:middle}"
                 ".grid{stroke:#8c959f;stroke-opacity:.25}.axis{stroke:#8c959f}polyline{fill:none;stroke-linejoin:round}"
                 ".raw{stroke:#0969da;stroke-opacity:.3;stroke-width:1}.train{stroke:#0969da;stroke-width:2}.valid{stroke:#bc4c00;stroke-width:2;fill:#bc4c00}"
                 "polyline.valid{fill:none}@media(prefers-color-scheme:dark){text{fill:#9198a1}.title{fill:#f0f6fc}.raw,.train{stroke:#58a6ff}"
                 ".valid{stroke:#f0883e;fill:#f0883e}polyline.valid{fill:none}}</style>\n",
                 WIDTH, HEIGHT, WIDTH, HEIGHT);
    put_title(out, title);
    const long k = n > 0 ? points_of(rows, n, step, loss) : 0;
    if (k > 0) {
        const frame f = frame_of(rows, n, loss, k);
        put_axes(out, &f);
        for (long i = 0; i < k; i++) { /* the mean of the neighbours, as far as there are some */
            const long from = i > k / 40 ? i - k / 40 : 0, to = i + k / 40 < k ? i + k / 40 + 1 : k;
            double sum = 0;
            for (long j = from; j < to; j++) sum += loss[j];
            smooth[i] = sum / (double)(to - from);
        }
        put_curve(out, "raw", &f, step, loss, k);
        put_curve(out, "train", &f, step, smooth, k);
        double valid = NAN;
        string_text(out, "<polyline class=\"valid\" points=\"");
        for (long i = 0; i < n; i++)
            if (isfinite(rows[i].valid_loss)) string_print(out, "%.1f,%.1f ", frame_x(&f, (double)rows[i].step), frame_y(&f, valid = rows[i].valid_loss));
        string_text(out, "\"/>\n");
        for (long i = 0; i < n; i++)
            if (isfinite(rows[i].valid_loss))
                string_print(out, "<circle class=\"valid\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"/>\n", frame_x(&f, (double)rows[i].step),
                             frame_y(&f, rows[i].valid_loss));
        put_legend(out, smooth[k - 1], valid, isfinite(valid));
    }
    string_text(out, "</svg>\n");
}
