#include "crypto/publish.h"

void publish(const void *data, size_t n)
{
    (void)data;
    (void)n;
}
