/* Memory that grows while it is used for reading and writing: a host must see the new part, too. */

#include "check.h"
#include <fcntl.h>
#include <unistd.h>

int main(void) {
    unsigned checksum = 0;
    int fd = DONE(open("/d/big", O_RDWR | O_CREAT, 0666));
    for (size_t size = 1 << 16; size <= 32u << 20; size *= 2) {
        unsigned char *block = malloc(size);
        if (!block) return 1;
        for (size_t i = 0; i < size; i++) block[i] = (unsigned char)(i * 31 + size);
        for (size_t at = 0; at < size;) {
            ssize_t count = pwrite(fd, block + at, size - at, (off_t)at);
            if (count <= 0) return 2;
            at += (size_t)count;
        }
        memset(block, 0, size);
        for (size_t at = 0; at < size;) {
            ssize_t count = pread(fd, block + at, size - at, (off_t)at);
            if (count <= 0) return 3;
            at += (size_t)count;
        }
        for (size_t i = 0; i < size; i++) checksum = checksum * 33 + block[i];
        printf("%zu bytes: %08x\n", size, checksum);
        /* kept, so that the memory has to grow */
    }
    close(fd);
    STEP(unlink("/d/big"));
    return 0;
}
