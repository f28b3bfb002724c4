/*
 * /metrics: Prometheus' text format 0.0.4 or, for who asks for it, OpenMetrics 1.0.0. All label
 * values come from fixed lists, or are the configured license servers: the number of series is
 * bounded, and all of a counter's are there from the start, at 0.
 */
#ifndef STATUS_METRICS_H
#define STATUS_METRICS_H

#include "status/subject.h"

/* Answers a request for the metrics. */
void metrics_answer(const struct endpoint *e, struct client *c);

#endif
