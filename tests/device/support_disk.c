/* Preloaded into a program that writes an outbox file: a slow disk, or one whose writes are recorded for a power cut.
 *
 * DISK_SLOW: milliseconds that each sync takes. DISK_LOG: a file for records of what happens to files whose name holds
 * ".db" or "marks": letter, length of the path, length of the data, offset, path, data. W: a write. T: truncation to the
 * offset. B and E: begin and end of a sync. U: the file is removed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int records = -2;

static void record(char letter, int file, uint64_t offset, const void *data, uint32_t size) {
    char link[64], path[512];
    struct {
        char letter, pad[3];
        uint32_t path, size, spare;
        uint64_t offset;
    } head = {0};
    ssize_t length;

    if (records == -2) {
        const char *name = getenv("DISK_LOG");
        records = name ? (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_APPEND | O_CREAT, 0600) : -1;
    }
    if (records < 0 || file == records) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    length = readlink(link, path, sizeof path);
    if (length <= 0 || (!memmem(path, (size_t)length, ".db", 3) && !memmem(path, (size_t)length, "marks", 5))) return;
    head.letter = letter;
    head.path = (uint32_t)length;
    head.size = size;
    head.offset = offset;
    struct iovec parts[] = {{&head, sizeof head}, {path, (size_t)length}, {(void *)data, size}};
    syscall(SYS_writev, records, parts, 3);
}

static void note(char letter, int file) {
    pthread_mutex_lock(&lock);
    record(letter, file, 0, "", 0);
    pthread_mutex_unlock(&lock);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t offset) {
    ssize_t done;
    pthread_mutex_lock(&lock);
    done = syscall(SYS_pwrite64, file, data, size, offset);
    if (done > 0) record('W', file, (uint64_t)offset, data, (uint32_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite(int file, const void *data, size_t size, off_t offset) { return pwrite64(file, data, size, offset); }

ssize_t write(int file, const void *data, size_t size) {
    ssize_t done;
    pthread_mutex_lock(&lock);
    off_t at = lseek(file, 0, SEEK_CUR);
    done = syscall(SYS_write, file, data, size);
    if (done > 0 && at >= 0) record('W', file, (uint64_t)at, data, (uint32_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}

int ftruncate64(int file, off64_t size) {
    int failed;
    pthread_mutex_lock(&lock);
    failed = (int)syscall(SYS_ftruncate, file, size);
    if (!failed) record('T', file, (uint64_t)size, "", 0);
    pthread_mutex_unlock(&lock);
    return failed;
}

int ftruncate(int file, off_t size) { return ftruncate64(file, size); }

int unlink(const char *path) {
    int file = open(path, O_RDONLY);
    int failed = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (file >= 0) {
        if (!failed) note('U', file);
        close(file);
    }
    return failed;
}

static int sync_slowly(long call, int file) {
    const char *slow = getenv("DISK_SLOW");
    note('B', file);
    if (slow) usleep((useconds_t)atoi(slow) * 1000);
    int failed = (int)syscall(call, file);
    if (!failed) note('E', file);
    return failed;
}

int fsync(int file) { return sync_slowly(SYS_fsync, file); }
int fdatasync(int file) { return sync_slowly(SYS_fdatasync, file); }
