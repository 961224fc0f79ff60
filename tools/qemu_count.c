/* A plugin of qemu-user (7.2 or newer) that writes, to standard error, the instructions run since the last call of
 * getppid at each such call: the mark of `instruction_work.py`. For `count_neon.py`. Debian has no header of the
 * interface, so what it uses is declared here.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
typedef struct qemu_plugin_tb block;
enum operation { ADD_U64 };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, block *));
void qemu_plugin_register_vcpu_tb_exec_inline(block *, enum operation, void *, uint64_t);
void qemu_plugin_register_vcpu_syscall_cb(plugin_id, void (*)(plugin_id, unsigned, int64_t, uint64_t, uint64_t, uint64_t,
                                                             uint64_t, uint64_t, uint64_t, uint64_t, uint64_t));
size_t qemu_plugin_tb_n_insns(const block *);

EXPORT int qemu_plugin_version = 1;

static uint64_t run;
static int64_t getppid_number;

static void translated(plugin_id id, block *code) {
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(code, ADD_U64, &run, qemu_plugin_tb_n_insns(code));
}

static void called(plugin_id id, unsigned cpu, int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                   uint64_t f, uint64_t g, uint64_t h) {
    (void)id, (void)cpu, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
    if (number != getppid_number) return;
    fprintf(stderr, "run %" PRIu64 "\n", run);
    run = 0;
}

EXPORT int qemu_plugin_install(plugin_id id, const void *about, int n, char **words) {
    (void)about;
    if (n != 1 || sscanf(words[0], "getppid=%" SCNd64, &getppid_number) != 1) return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    return 0;
}
