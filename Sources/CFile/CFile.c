#define _GNU_SOURCE
#include "CFile.h"

#include <fcntl.h>

int cfile_begin_flush(int descriptor, off_t start, off_t count) {
    return sync_file_range(descriptor, start, count, SYNC_FILE_RANGE_WRITE);
}

int cfile_end_flush(int descriptor, off_t start, off_t count) {
    return sync_file_range(descriptor, start, count,
                           SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
}
