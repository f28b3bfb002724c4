/*
 * Linked into what is built to count lines (COV=1): helpers end by _exit, which writes no counts by
 * itself.
 */
#include <stdnoreturn.h>

/* From gcc's own gcov.h, which clang, by which this is checked, does not have. */
void __gcov_dump(void);

noreturn void __real__exit(int code);
noreturn void __wrap__exit(int code);

noreturn void __wrap__exit(int code)
{
    __gcov_dump();
    __real__exit(code);
}
