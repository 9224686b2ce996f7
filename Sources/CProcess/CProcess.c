#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { most_descriptors = 16 };

/* What the child has to say before it becomes the program. */
struct report {
    int is_failure;
    int error;
};

int cprocess_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

static void say(int pipe, int is_failure, int error) {
    struct report report = {is_failure, error};
    ssize_t written = write(pipe, &report, sizeof report);
    (void)written;
}

/* Makes the order's descriptors the first ones, `pipe` the one behind them, and closes all others. */
static int arrange(const struct cprocess_order *order, int pipe) {
    int count = order->descriptor_count, high[most_descriptors];
    /* Out of the way first: none may be overwritten before it is in its place. */
    for (int i = 0; i < count; i++) {
        high[i] = fcntl(order->descriptors[i], F_DUPFD, most_descriptors + 1);
        if (high[i] < 0) return -1;
    }
    int high_pipe = fcntl(pipe, F_DUPFD, most_descriptors + 1);
    if (high_pipe < 0) return -1;
    for (int i = 0; i < count; i++)
        if (dup2(high[i], i) < 0) return -1;
    if (dup3(high_pipe, count, O_CLOEXEC) < 0) return -1;
    closefrom(count + 1);
    return count;
}

/* Runs in the child. Only what is safe between fork and exec in a process with threads. */
static _Noreturn void become(const struct cprocess_order *order, int pipe, pid_t parent) {
    struct sigaction usual = {.sa_handler = SIG_DFL};
    for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &usual, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    int arranged = arrange(order, pipe);
    if (arranged < 0 || setpgid(0, 0) != 0) goto failed;
    pipe = arranged;
    if (!order->leaves_network)
        say(pipe, 0, ENOTSUP);
    else if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 && unshare(CLONE_NEWNET) != 0)
        say(pipe, 0, errno);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) goto failed;
    /* Behind unshare, which may forget it. Who died before that sends no signal any more. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) goto failed;
    if (getppid() != parent) _exit(127);
    for (int i = 0; i < order->limit_count; i++) {
        rlim_t value = order->limits[i].value;
        /* At the first of both SIGXCPU is sent, which tells this end from others. */
        struct rlimit limit = {value, order->limits[i].resource == RLIMIT_CPU ? value + 5 : value};
        if (setrlimit(order->limits[i].resource, &limit) != 0) goto failed;
    }
    char *const nothing[] = {NULL};
    execve(order->arguments[0], order->arguments, nothing);
failed:
    say(pipe, 1, errno);
    _exit(127);
}

pid_t cprocess_start(const struct cprocess_order *order, int *network_error) {
    if (order->descriptor_count > most_descriptors) {
        errno = EINVAL;
        return -1;
    }
    int ends[2];
    if (cprocess_pipe(ends) != 0) return -1;
    pid_t parent = getpid();
    /* No handler of ours runs in the child. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    if (child == 0) become(order, ends[1], parent);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    *network_error = 0;
    struct report report;
    int failure = child < 0 ? error : 0;
    while (child >= 0) {
        ssize_t count = read(ends[0], &report, sizeof report);
        if (count < 0 && errno == EINTR) continue;
        if (count != (ssize_t)sizeof report) break;
        *(report.is_failure ? &failure : network_error) = report.error;
    }
    close(ends[0]);
    if (failure == 0) return child;
    if (child >= 0)
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
    errno = failure;
    return -1;
}

void cprocess_return_blocks(void) { mallopt(M_MMAP_THRESHOLD, 256 << 10); }
