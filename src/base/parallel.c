#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* A worker that has just finished spins this long before it sleeps: between two ops of a pass that is cheaper than waking. */
enum { SPINS = 4000, MOST_THREADS = 512 };

static struct {
    pthread_mutex_t busy; /* held by the thread that computes */
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    pthread_t *threads;
    int n_thread;      /* workers that were started */
    atomic_int wanted; /* threads asked for; 0: not decided */
    bool stop;
    /* the job */
    void (*work)(void *, long);
    void *context;
    long n;
    atomic_long next;
    atomic_int working;      /* workers that have not finished this job */
    atomic_ulong generation; /* one up for each job */
} pool = {.busy = PTHREAD_MUTEX_INITIALIZER, .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};

static _Thread_local bool inside; /* this thread runs a piece of a job */

static void pool_take(void) {
    for (long i; (i = atomic_fetch_add(&pool.next, 1)) < pool.n;) pool.work(pool.context, i);
}

static void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    sched_yield();
#endif
}

static void *worker(void *unused) {
    (void)unused;
    inside = true;
    unsigned long seen = 0;
    for (;;) {
        for (int spin = 0; spin < SPINS && atomic_load(&pool.generation) == seen; spin++) pause_briefly();
        if (atomic_load(&pool.generation) == seen) {
            pthread_mutex_lock(&pool.lock);
            while (atomic_load(&pool.generation) == seen) pthread_cond_wait(&pool.wake, &pool.lock);
            pthread_mutex_unlock(&pool.lock);
        }
        seen = atomic_load(&pool.generation);
        if (pool.stop) return NULL;
        pool_take();
        if (atomic_fetch_sub(&pool.working, 1) == 1) {
            pthread_mutex_lock(&pool.lock);
            pthread_cond_signal(&pool.done);
            pthread_mutex_unlock(&pool.lock);
        }
    }
}

static int cores(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

/* Tells the workers that there is something new: a job, or the end. */
static void pool_announce(void) {
    pthread_mutex_lock(&pool.lock);
    atomic_fetch_add(&pool.generation, 1);
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.lock);
}

static void pool_start(void) {
    const int more = pool.wanted - 1;
    pool.stop = false;
    atomic_store(&pool.generation, 0);
    pool.threads = calloc((size_t)more, sizeof *pool.threads);
    for (pool.n_thread = 0; pool.threads != NULL && pool.n_thread < more; pool.n_thread++)
        if (pthread_create(&pool.threads[pool.n_thread], NULL, worker, NULL) != 0) break;
    atomic_store(&pool.wanted, pool.n_thread + 1); /* where fewer could be had: the same result, later */
    if (pool.n_thread > 0) return;
    free(pool.threads);
    pool.threads = NULL;
}

static void pool_end(void) {
    if (pool.n_thread > 0) {
        pool.stop = true;
        pool_announce();
        for (int i = 0; i < pool.n_thread; i++) pthread_join(pool.threads[i], NULL);
    }
    free(pool.threads);
    pool.threads = NULL;
    pool.n_thread = 0;
}

void parallel_set_threads(int n) {
    pthread_mutex_lock(&pool.busy);
    if (n <= 0) n = cores();
    if (n > MOST_THREADS) n = MOST_THREADS;
    if (n != pool.wanted) pool_end();
    pool.wanted = n;
    pthread_mutex_unlock(&pool.busy);
}

int parallel_threads(void) {
    const int wanted = atomic_load(&pool.wanted);
    return wanted > 0 ? wanted : cores();
}

void parallel_stop(void) {
    pthread_mutex_lock(&pool.busy);
    pool_end();
    pthread_mutex_unlock(&pool.busy);
}

void parallel_for(long n, void (*work)(void *context, long i), void *context) {
    if (n <= 1 || inside || pthread_mutex_trylock(&pool.busy) != 0) {
        for (long i = 0; i < n; i++) work(context, i);
        return;
    }
    if (pool.wanted == 0) pool.wanted = cores();
    if (pool.n_thread == 0 && pool.wanted > 1) pool_start();
    inside = true;
    pool.work = work;
    pool.context = context;
    pool.n = n;
    atomic_store(&pool.next, 0);
    atomic_store(&pool.working, pool.n_thread);
    if (pool.n_thread > 0) pool_announce();
    pool_take();
    for (int spin = 0; spin < SPINS && atomic_load(&pool.working) > 0; spin++) pause_briefly();
    if (atomic_load(&pool.working) > 0) {
        pthread_mutex_lock(&pool.lock);
        while (atomic_load(&pool.working) > 0) pthread_cond_wait(&pool.done, &pool.lock);
        pthread_mutex_unlock(&pool.lock);
    }
    inside = false;
    pthread_mutex_unlock(&pool.busy);
}
