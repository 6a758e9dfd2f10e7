#include "data/read_html.h"
#include "data/read_text.h"

#include <libxml/HTMLparser.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

/* ---- what an element does: one row a tag ---- */

typedef enum {
    TAG_INLINE,    /* flows in its line */
    TAG_BLOCK,     /* a line of its own */
    TAG_PARAGRAPH, /* a block with an empty line around it */
    TAG_ITEM,      /* a list item: a block with a mark */
    TAG_CELL,      /* of a table */
    TAG_BREAK,     /* a line break */
    TAG_PRE,       /* blanks and lines count */
    TAG_SKIP,      /* no text of the page: the element goes with all that is in it */
} tag_kind;

static const struct {
    const char *name;
    tag_kind kind;
} tags[] = {
    {"address", TAG_BLOCK}, {"article", TAG_BLOCK}, {"aside", TAG_SKIP},     {"audio", TAG_SKIP},        {"blockquote", TAG_PARAGRAPH},
    {"br", TAG_BREAK},      {"button", TAG_SKIP},   {"canvas", TAG_SKIP},    {"caption", TAG_PARAGRAPH}, {"center", TAG_BLOCK},
    {"datalist", TAG_SKIP}, {"dd", TAG_BLOCK},      {"details", TAG_BLOCK},  {"dialog", TAG_SKIP},       {"div", TAG_BLOCK},
    {"dl", TAG_PARAGRAPH},  {"dt", TAG_BLOCK},      {"embed", TAG_SKIP},     {"fieldset", TAG_BLOCK},    {"figcaption", TAG_BLOCK},
    {"figure", TAG_BLOCK},  {"footer", TAG_SKIP},   {"form", TAG_BLOCK},     {"frame", TAG_SKIP},        {"frameset", TAG_SKIP},
    {"h1", TAG_PARAGRAPH},  {"h2", TAG_PARAGRAPH},  {"h3", TAG_PARAGRAPH},   {"h4", TAG_PARAGRAPH},      {"h5", TAG_PARAGRAPH},
    {"h6", TAG_PARAGRAPH},  {"head", TAG_SKIP},     {"header", TAG_BLOCK},   {"hr", TAG_PARAGRAPH},      {"iframe", TAG_SKIP},
    {"input", TAG_SKIP},    {"label", TAG_INLINE},  {"legend", TAG_BLOCK},   {"li", TAG_ITEM},           {"main", TAG_BLOCK},
    {"map", TAG_SKIP},      {"math", TAG_SKIP},     {"menu", TAG_PARAGRAPH}, {"nav", TAG_SKIP},          {"noframes", TAG_SKIP},
    {"noscript", TAG_SKIP}, {"object", TAG_SKIP},   {"ol", TAG_PARAGRAPH},   {"optgroup", TAG_SKIP},     {"option", TAG_SKIP},
    {"p", TAG_PARAGRAPH},   {"pre", TAG_PRE},       {"progress", TAG_SKIP},  {"script", TAG_SKIP},       {"section", TAG_BLOCK},
    {"select", TAG_SKIP},   {"style", TAG_SKIP},    {"summary", TAG_BLOCK},  {"svg", TAG_SKIP},          {"table", TAG_PARAGRAPH},
    {"tbody", TAG_BLOCK},   {"td", TAG_CELL},       {"template", TAG_SKIP},  {"textarea", TAG_SKIP},     {"tfoot", TAG_BLOCK},
    {"th", TAG_CELL},       {"thead", TAG_BLOCK},   {"title", TAG_SKIP},     {"tr", TAG_BLOCK},          {"ul", TAG_PARAGRAPH},
    {"video", TAG_SKIP},
};

static tag_kind kind_of(const xmlNode *e) {
    size_t low = 0, high = COUNT(tags);
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const int order = strcasecmp(tags[middle].name, (const char *)e->name);
        if (order == 0) return tags[middle].kind;
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return TAG_INLINE;
}

static bool is_tag(const xmlNode *e, const char *name) {
    return e != NULL && e->type == XML_ELEMENT_NODE && strcasecmp((const char *)e->name, name) == 0;
}

/* ---- boilerplate ---- */

/* Words in class, id or role that say: not the text. Each must be a whole word of the attribute. */
static const char *const boilerplate[] = {
    "ad",        "ads",        "advert",     "advertisement", "banner",     "breadcrumb", "breadcrumbs", "comment-form", "comments", "contentinfo", "cookie",
    "cookies",   "disclaimer", "docnav",     "dropdown",      "footer",     "masthead",   "menu",        "menubar",      "nav",      "navbar",      "navheader",
    "navfooter", "navigation", "newsletter", "pager",         "pagination", "popup",      "promo",       "related",      "search",   "share",       "sharing",
    "sidebar",   "skip-link",  "social",     "sponsor",       "subscribe",  "tags",       "toc",         "toolbar",      "widget",
};

static bool is_word_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

static bool has_word(const char *text, const char *word) {
    const size_t n = strlen(word);
    for (const char *p = strcasestr(text, word); p != NULL; p = strcasestr(p + 1, word))
        if ((p == text || !is_word_byte(p[-1])) && !is_word_byte(p[n])) return true;
    return false;
}

static const char *attribute(const xmlNode *e, const char *name) {
    for (const xmlAttr *a = e->properties; a != NULL; a = a->next)
        if (strcasecmp((const char *)a->name, name) == 0) return a->children != NULL && a->children->content != NULL ? (const char *)a->children->content : "";
    return NULL;
}

typedef enum { TEXT, PERHAPS_BOILERPLATE, BOILERPLATE } boilerplate_kind;

static boilerplate_kind boilerplate_of(const xmlNode *e) {
    static const char *const where[] = {"class", "role", "id"};
    if (is_tag(e, "body") || is_tag(e, "html") || is_tag(e, "main") || is_tag(e, "article")) return TEXT;
    const char *style = attribute(e, "style"), *id = attribute(e, "id");
    if (attribute(e, "hidden") != NULL || (style != NULL && strcasestr(style, "display:none") != NULL)) return BOILERPLATE;
    if (is_tag(e, "p") && id != NULL && strcmp(id, "title") == 0) return BOILERPLATE; /* Publican's banner */
    for (size_t i = 0; i < COUNT(where); i++) {
        const char *value = attribute(e, where[i]);
        for (size_t k = 0; value != NULL && k < COUNT(boilerplate); k++)
            if (has_word(value, boilerplate[k])) return i < 2 ? BOILERPLATE : PERHAPS_BOILERPLATE; /* an id may be a section's anchor */
    }
    return TEXT;
}

/* What a subtree holds; kept behind the node's _private pointer. */
typedef struct weight {
    int text, link; /* characters that are no blanks; those of them inside <a href> */
    boilerplate_kind boilerplate;
    bool skip;
    int items, number; /* <li> in it so far; of a <li>: which one it is, from 1 */
} weight;

typedef struct extraction {
    arena *owner;
    string *out;
    size_t start;
    int blank;  /* 1: a new line is wanted before the next text; 2: an empty one too */
    bool space; /* a blank is wanted before the next text */
    int pre;    /* open <pre> */
    int list;   /* open lists */
    bool cell;  /* a tab is wanted: the next cell of a row */
    bool failed;
} extraction;

static int text_weight(const char *text) {
    int n = 0;
    for (; *text != 0; text++) n += (unsigned char)*text > ' ' && ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* Visits a subtree without recursion: next node in document order, *leave where an element's children are over. */
static xmlNode *next_node(xmlNode *at, const xmlNode *root, bool *leave) {
    if (!*leave && at->children != NULL && at->type == XML_ELEMENT_NODE) return at->children;
    if (!*leave && at->type == XML_ELEMENT_NODE) return *leave = true, at;
    if (at == root) return NULL;
    *leave = false;
    if (at->next != NULL) return at->next;
    *leave = true;
    return at->parent;
}

static bool weigh(extraction *x, xmlNode *root) {
    int links = 0;
    bool leave = false;
    for (xmlNode *e = root; e != NULL; e = next_node(e, root, &leave)) {
        if (e->type == XML_TEXT_NODE || e->type == XML_CDATA_SECTION_NODE) {
            weight *w = e->parent != NULL ? e->parent->_private : NULL;
            const int n = e->content != NULL ? text_weight((const char *)e->content) : 0;
            if (w != NULL) w->text += n, w->link += links > 0 ? n : 0;
            continue;
        }
        if (e->type != XML_ELEMENT_NODE) continue;
        const bool link = is_tag(e, "a") && attribute(e, "href") != NULL;
        if (!leave) {
            weight *w = e->_private = NEW(x->owner, weight);
            if (w == NULL) return false;
            weight *list = e != root && e->parent != NULL ? e->parent->_private : NULL;
            if (list != NULL && is_tag(e, "li")) w->number = ++list->items;
            w->boilerplate = boilerplate_of(e);
            w->skip = kind_of(e) == TAG_SKIP || w->boilerplate == BOILERPLATE;
            links += link;
            continue;
        }
        links -= link;
        weight *w = e->_private, *above = e != root && e->parent != NULL ? e->parent->_private : NULL;
        const tag_kind kind = kind_of(e);
        /* A list, table or division that is nearly all links, and not a sentence with one in it. */
        if ((kind == TAG_BLOCK || kind == TAG_PARAGRAPH) && w->link * 10 > w->text * 8 && w->text > 60 && !is_tag(e, "p") && e->name[0] != 'h') w->skip = true;
        if (w->boilerplate == PERHAPS_BOILERPLATE && (w->text < 300 || w->link * 2 > w->text)) w->skip = true;
        if (above != NULL && !w->skip) above->text += w->text, above->link += w->link;
    }
    return true;
}

/* <main>, or the one <article> that holds most of the text; else the body. */
static xmlNode *main_root(xmlNode *body) {
    xmlNode *best = NULL;
    bool leave = false;
    const weight *whole = body->_private;
    for (xmlNode *e = body; e != NULL; e = next_node(e, body, &leave)) {
        if (leave || e->type != XML_ELEMENT_NODE) continue;
        const weight *w = e->_private;
        const char *role = attribute(e, "role");
        const bool candidate = is_tag(e, "main") || is_tag(e, "article") || (role != NULL && strcasecmp(role, "main") == 0);
        if (candidate && !w->skip && (best == NULL || w->text > ((const weight *)best->_private)->text)) best = e;
    }
    if (best == NULL || whole == NULL) return body;
    return ((const weight *)best->_private)->text * 2 >= whole->text ? best : body;
}

/* ---- text ---- */

static void want_line(extraction *x, int blank) {
    if (x->blank < blank) x->blank = blank;
    x->space = x->cell = false;
}

static void begin_text(extraction *x) {
    if (x->blank > 0 && x->out->length > x->start) {
        while (x->out->length > x->start && (x->out->data[x->out->length - 1] == ' ' || x->out->data[x->out->length - 1] == '\t')) x->out->length--;
        string_append(x->out, "\n\n", (size_t)x->blank);
    } else if (x->cell) string_char(x->out, '\t');
    else if (x->space && x->out->length > x->start) string_char(x->out, ' ');
    x->blank = 0;
    x->space = x->cell = false;
}

static bool is_space(const char *p, size_t left, size_t *n) {
    *n = 1;
    if (*p == ' ' || (*p >= '\t' && *p <= '\r')) return true;
    if (left >= 2 && (unsigned char)p[0] == 0xc2 && (unsigned char)p[1] == 0xa0) return *n = 2, true; /* no-break space */
    return false;
}

static void put_flow(extraction *x, const char *text) { /* blanks are one blank */
    const size_t n = strlen(text);
    for (size_t at = 0; at < n;) {
        size_t end = at, blank;
        while (end < n && !is_space(text + end, n - end, &blank)) end++;
        if (end > at) {
            begin_text(x);
            string_append(x->out, text + at, end - at);
        }
        while (end < n && is_space(text + end, n - end, &blank)) {
            x->space = true;
            end += blank;
        }
        at = end;
    }
}

static void put_preformatted(extraction *x, const char *text) {
    if (x->blank > 0 && *text == '\n') text++; /* the line end behind <pre> */
    if (*text == 0) return;
    begin_text(x);
    string_text(x->out, text);
}

static const char *list_mark(const xmlNode *item, char number[16]) {
    if (!is_tag(item->parent, "ol")) return "-";
    const weight *w = item->_private;
    int n = w != NULL && w->number > 0 ? w->number : 1, at = 15;
    number[at] = 0;
    number[--at] = '.';
    for (; n > 0; n /= 10) number[--at] = (char)('0' + n % 10);
    return number + at;
}

static void enter_element(extraction *x, xmlNode *e) {
    char number[16];
    switch (kind_of(e)) {
    case TAG_BLOCK: want_line(x, is_tag(e, "dt") || is_tag(e, "dd") || is_tag(e, "tr") || x->list > 0 ? 1 : 2); break;
    case TAG_PARAGRAPH:
        if (is_tag(e, "ul") || is_tag(e, "ol")) x->list++;
        if (x->list == 0 || x->list == 1) want_line(x, x->list == 1 && !is_tag(e, "ul") && !is_tag(e, "ol") ? 1 : 2);
        else want_line(x, 1);
        if (x->out->length > x->start && x->out->length >= 2 && memcmp(x->out->data + x->out->length - 2, "- ", 2) == 0) x->blank = 0; /* <li><p> */
        break;
    case TAG_ITEM:
        want_line(x, x->blank == 2 ? 2 : 1);
        begin_text(x);
        for (int i = 1; i < x->list && i < 8; i++) string_text(x->out, "  ");
        string_text(x->out, list_mark(e, number));
        string_char(x->out, ' ');
        break;
    case TAG_CELL:
        if (x->blank == 0 && x->out->length > x->start) x->cell = true;
        x->space = false;
        break;
    case TAG_BREAK: want_line(x, x->blank < 1 ? 1 : x->blank); break;
    case TAG_PRE:
        want_line(x, 2);
        x->pre++;
        break;
    default: break;
    }
}

static void leave_element(extraction *x, xmlNode *e) {
    switch (kind_of(e)) {
    case TAG_BLOCK: want_line(x, is_tag(e, "dt") || is_tag(e, "dd") || is_tag(e, "tr") || x->list > 0 ? 1 : 2); break;
    case TAG_PARAGRAPH:
        if ((is_tag(e, "ul") || is_tag(e, "ol")) && x->list > 0) x->list--;
        want_line(x, x->list > 0 ? 1 : 2);
        break;
    case TAG_ITEM: want_line(x, 1); break;
    case TAG_PRE:
        if (x->pre > 0) x->pre--;
        while (x->out->length > x->start && x->out->data[x->out->length - 1] == '\n') x->out->length--;
        want_line(x, 2);
        break;
    default: break;
    }
}

static void put_tree(extraction *x, xmlNode *root) {
    bool leave = false;
    for (xmlNode *e = root; e != NULL; e = next_node(e, root, &leave)) {
        if (e->type == XML_TEXT_NODE || e->type == XML_CDATA_SECTION_NODE) {
            if (e->content == NULL) continue;
            if (x->pre > 0) put_preformatted(x, (const char *)e->content);
            else put_flow(x, (const char *)e->content);
        } else if (e->type == XML_ELEMENT_NODE) {
            const weight *w = e->_private;
            if (!leave && w != NULL && w->skip && e != root) {
                if (kind_of(e) != TAG_INLINE) want_line(x, 1);
                leave = true; /* passes it over: the next step goes to its sibling */
            } else if (leave) {
                if (w == NULL || !w->skip || e == root) leave_element(x, e);
            } else enter_element(x, e);
        }
    }
}

/* ---- the page ---- */

static pthread_once_t parser_once = PTHREAD_ONCE_INIT;

static xmlNode *find_element(xmlNode *root, const char *name) {
    bool leave = false;
    for (xmlNode *e = root; e != NULL; e = next_node(e, root, &leave))
        if (!leave && is_tag(e, name)) return e;
    return NULL;
}

static void read_head(arena *owner, xmlNode *root, html_page *page) {
    xmlNode *title = find_element(root, "title");
    const char *language = attribute(root, "lang");
    if (language == NULL) language = attribute(root, "xml:lang");
    page->language = language != NULL && language[0] != 0 ? arena_copy(owner, language) : NULL;
    if (title == NULL) return;
    string s = {.limit = 4096};
    extraction x = {.out = &s};
    for (const xmlNode *e = title->children; e != NULL; e = e->next)
        if (e->type == XML_TEXT_NODE && e->content != NULL) put_flow(&x, (const char *)e->content);
    if (s.length > 0) page->title = arena_copy_bytes(owner, s.data, s.length);
    string_drop(&s);
}

/* The name behind charset= or encoding= in the page's first bytes; empty where there is none. */
static void declared_encoding(const char *bytes, size_t n, char name[32]) {
    static const char *const keys[] = {"charset=", "encoding="};
    const size_t head = n < 2048 ? n : 2048;
    name[0] = 0;
    for (size_t i = 0; i + 8 < head; i++)
        for (size_t k = 0; k < COUNT(keys); k++) {
            size_t at = i + strlen(keys[k]), length = 0;
            if (at >= head || strncasecmp(bytes + i, keys[k], strlen(keys[k])) != 0) continue;
            while (at < head && (bytes[at] == '"' || bytes[at] == '\'')) at++;
            while (at < head && length < 31 && (is_word_byte(bytes[at]) || bytes[at] == '_')) name[length++] = bytes[at++];
            name[length] = 0;
            if (length > 0) return;
        }
}

/* The page as UTF-8 where we can make it so (*encoding "UTF-8"), else as it is, for libxml2 to decode (*encoding NULL). Pages that
 * are UTF-8 whatever they say are more common than the reverse; one that says UTF-8 and is not gets U+FFFD where it is broken;
 * Latin-1 is Windows-1252 on the web (encoding.spec.whatwg.org). */
static const char *page_as_utf8(const char *bytes, size_t *n, string *made, const char **encoding) {
    static const char *const latin[] = {"", "iso-8859-1", "iso8859-1", "latin1", "latin-1", "windows-1252", "cp1252", "us-ascii", "ascii"};
    char name[32];
    *encoding = "UTF-8";
    if (utf8_valid(bytes, *n)) return bytes;
    *encoding = NULL;
    if (*n >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0)) return bytes;
    declared_encoding(bytes, *n, name);
    if (strcasecmp(name, "utf-8") == 0 || strcasecmp(name, "utf8") == 0)
        for (size_t i = 0; i < *n;) string_utf8(made, utf8_next(bytes, *n, &i));
    for (size_t i = 0; i < COUNT(latin); i++)
        if (strcasecmp(name, latin[i]) == 0) text_from_windows_1252(bytes, *n, made);
    if (made->length == 0) return bytes;
    *encoding = "UTF-8";
    *n = made->length;
    return made->data;
}

static void say_nothing(void *context, const char *format, ...) {
}

static void say_nothing_structured(void *context, xmlErrorPtr what) {
}

/* NULL without an error: there is nothing in it. */
static xmlDoc *parse_page(const char *bytes, size_t n, error *err) {
    enum { OPTIONS = HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET | HTML_PARSE_COMPACT };
    string made = {0};
    const char *encoding;
    pthread_once(&parser_once, xmlInitParser);
    xmlSetGenericErrorFunc(NULL, say_nothing); /* of this thread; encoders complain whatever the options say */
    xmlSetStructuredErrorFunc(NULL, say_nothing_structured);
    bytes = page_as_utf8(bytes, &n, &made, &encoding);
    htmlParserCtxt *parser = htmlNewParserCtxt();
    xmlDoc *doc = parser != NULL ? htmlCtxtReadMemory(parser, bytes, (int)n, NULL, encoding, OPTIONS) : NULL;
    /* It stops for ever at elements more than 256 deep (its limit holds for HTML too), and where memory ends. */
    if (parser == NULL || parser->disableSAX != 0 || parser->lastError.code == XML_ERR_NO_MEMORY) {
        if (doc != NULL) xmlFreeDoc(doc);
        doc = NULL;
        fail(err, parser != NULL && parser->lastError.code == XML_ERR_INTERNAL_ERROR ? "its elements are nested too deep" : "libxml2 gave the page up");
    }
    if (parser != NULL) htmlFreeParserCtxt(parser);
    string_drop(&made);
    return doc;
}

bool html_to_text(arena *owner, const char *bytes, size_t n, string *out, html_page *page, error *err) {
    html_page ignored;
    if (page == NULL) page = &ignored;
    *page = (html_page){0};
    if (n > 0x20000000) return fail(err, "the page is larger than 512 MiB");
    error failure = {0};
    xmlDoc *doc = parse_page(bytes, n, &failure);
    if (doc == NULL && failure.text[0] != 0) return fail(err, "%s", failure.text);
    xmlNode *root = doc != NULL ? xmlDocGetRootElement(doc) : NULL;
    if (root == NULL) {
        if (doc != NULL) xmlFreeDoc(doc);
        return true; /* nothing but comments and blanks: a page without text */
    }
    read_head(owner, root, page);
    xmlNode *body = find_element(root, "body");
    if (body == NULL) body = root;
    extraction x = {.owner = owner, .out = out, .start = out->length};
    const bool ok = weigh(&x, body) || fail(err, "the page needs more memory than a document may take");
    if (ok) {
        put_tree(&x, main_root(body));
        if (out->length > x.start) string_char(out, '\n');
    }
    xmlFreeDoc(doc);
    if (ok && out->overflow) return fail(err, "the text is longer than a document may be");
    return ok;
}

bool html_is_page(const char *bytes, size_t n) {
    static const char *const begins[] = {"<!doctype html", "<html", "<head", "<body"};
    size_t at = 0, head = n < 1024 ? n : 1024;
    if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) at = 3;
    while (at < head && (bytes[at] == ' ' || (bytes[at] >= '\t' && bytes[at] <= '\r'))) at++;
    if (at >= head || bytes[at] != '<') return false;
    for (; at < head; at++)
        for (size_t i = 0; i < COUNT(begins) && bytes[at] == '<'; i++)
            if (n - at > strlen(begins[i]) && strncasecmp(bytes + at, begins[i], strlen(begins[i])) == 0) return true;
    return false;
}
