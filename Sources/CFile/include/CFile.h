#ifndef CFILE_H
#define CFILE_H

#include <sys/types.h>

/* What Linux has for files and glibc does not show without _GNU_SOURCE. Each returns 0, or -1 with errno. */

/* Has the disk write what is new in a range, and does not wait for it. */
int cfile_begin_flush(int descriptor, off_t start, off_t count);

/* Waits until what was new in a range is written. */
int cfile_end_flush(int descriptor, off_t start, off_t count);

#endif
