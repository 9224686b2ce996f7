#ifndef CRESOLVERAIM_H
#define CRESOLVERAIM_H

#include <stdint.h>

/* From now on the system's resolver asks, on the calling thread, the name server at `port` of 127.0.0.1 and no other,
 * and for names as they are. Returns 0, or -1. */
int cresolveraim_ask(uint16_t port);

#endif
