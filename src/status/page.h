/*
 * The status port's page for people: one HTML document without outside assets, rendered at each
 * request with all values in it, so that it works without script. A script refreshes it while it is
 * open.
 */
#ifndef STATUS_PAGE_H
#define STATUS_PAGE_H

#include "status/subject.h"

/* The style sheet and the script: src/status/page.css and page.js, built in by tools/build/embed.
 */
extern const char page_css[], page_js[];

#define PAGE_MAX 131072 /* what the page is at most: a day of changes, eight long errors */

/*
 * Answers a request for the page, with a Content Security Policy (W3C CSP level 3) that allows this
 * style sheet and this script by their SHA-256, and no others.
 */
void page_answer(const struct endpoint *e, struct client *c);

/* Appends the document. False: no room or no memory. */
bool page_render(const struct endpoint *e, struct buf *body);

#endif
