/* The fuzz target: any bytes, every kernel against the models, decode and encode both ways (input.h has the claims).
 * With -fsanitize=fuzzer the fuzzer chooses the bytes; with -DREPLAY it reads the files named as arguments.
 * tools/check_core.py fuzz runs it, and corpus/ holds the smallest set of inputs with the fuzzer's full coverage.
 */
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_input(size ? data : (const uint8_t *)"", size); /* the fuzzer's empty input is NULL */
    return 0;
}

#ifdef REPLAY
int main(int argc, char **argv) {
    static uint8_t bytes[1 << 20];
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        CHECK(file);
        size_t size = fread(bytes, 1, sizeof bytes, file);
        CHECK(size < sizeof bytes && !ferror(file));
        fclose(file);
        LLVMFuzzerTestOneInput(bytes, size);
    }
    printf("%d files replayed: no difference\n", argc - 1);
    return 0;
}
#endif
