#include "format/http_accept.h"

/* How specific a range is. */
enum { FITS_NOT, FITS_ALL, FITS_KIND, FITS_TYPE };

static int fit(struct slice range, struct slice type)
{
    const char *slash = memchr(type.p, '/', type.n);

    if (slice_eq_nocase(range, type))
        return FITS_TYPE;
    if (slice_eq(range, SLICE("*/*")))
        return FITS_ALL;
    type.n = (size_t)(slash - type.p) + 1;
    return range.n == type.n + 1 && range.p[type.n] == '*' &&
                   slice_eq_nocase(slice_make(range.p, type.n), type)
               ? FITS_KIND
               : FITS_NOT;
}

/* A qvalue (section 12.4.2): "0.75". */
static bool read_quality(struct slice s, unsigned *quality)
{
    unsigned weight = 1000;

    *quality = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

        if (i == 1 && s.p[i] == '.')
            continue;
        if (digit > 9 || i == 1 || weight == 0)
            return false;
        *quality += digit * weight;
        weight /= 10;
    }
    return s.n > 0 && *quality <= 1000;
}

unsigned http_accept_quality(const struct http_head *head, const char *type, const char *version,
                             bool *by_name)
{
    const struct http_field *f;
    unsigned best = 1000;
    int best_fit = FITS_NOT;
    size_t from = 0;

    while ((f = http_head_next(head, SLICE("accept"), &from))) {
        struct slice ranges = f->value, range;

        if (best_fit == FITS_NOT)
            best = 0;
        while (slice_next_element(&ranges, &range)) {
            int fits = fit(slice_trim(slice_cut(&range, ';')), slice_of(type));
            unsigned quality = 1000;

            while (range.n > 0) {
                struct slice value = slice_trim(slice_cut(&range, ';'));
                struct slice name = slice_trim(slice_cut(&value, '='));

                if (slice_eq_nocase(name, SLICE("q"))
                        ? !read_quality(slice_trim(value), &quality)
                        : slice_eq_nocase(name, SLICE("version")) &&
                              !slice_eq(slice_unquote(slice_trim(value)), slice_of(version)))
                    fits = FITS_NOT;
            }
            if (fits > best_fit || (fits == best_fit && fits && quality > best)) {
                best_fit = fits;
                best = quality;
            }
        }
    }
    if (by_name)
        *by_name = best_fit == FITS_TYPE;
    return best;
}
