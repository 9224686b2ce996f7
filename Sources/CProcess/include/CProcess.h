#ifndef CPROCESS_H
#define CPROCESS_H

#include <spawn.h>

/* What glibc has for starting programs and does not show without _GNU_SOURCE. */

/* A pipe whose ends no other program inherits. Returns 0, or -1 with errno. */
int cprocess_pipe(int ends[2]);

/* The program shall inherit no descriptor from `first` on. Returns 0 or an error number. */
int cprocess_close_from(posix_spawn_file_actions_t *actions, int first);

#endif
