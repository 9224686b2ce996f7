// The codec of libhiredis: its reply reader and its command formatter. Its blocking connections are not for use here.
#ifndef LONGSHORE_CHIREDIS_H
#define LONGSHORE_CHIREDIS_H

#include <hiredis/hiredis.h>
#include <hiredis/read.h>

#endif
