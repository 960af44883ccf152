/* Opening, reading, writing, seeking, cutting files. */

#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

int main(void) {
    char buffer[64];
    struct stat status;
    int fd = DONE(open("/d/new", O_RDWR | O_CREAT | O_EXCL, 0666));
    STEP(write(fd, "hello, world\n", 13));
    STEP(lseek(fd, 0, SEEK_SET));
    memset(buffer, 0, sizeof buffer);
    STEP(read(fd, buffer, 5));
    printf("[%s]\n", buffer);
    STEP(lseek(fd, 0, SEEK_CUR));
    STEP(lseek(fd, -6, SEEK_END));
    memset(buffer, 0, sizeof buffer);
    STEP(read(fd, buffer, sizeof buffer));
    printf("[%s]\n", buffer);
    STEP(read(fd, buffer, sizeof buffer));
    STEP(lseek(fd, -100, SEEK_CUR));
    STEP(lseek(fd, 100, SEEK_SET));
    STEP(write(fd, "far", 3));
    STEP(fstat(fd, &status));
    printf("size %lld, regular %d, links %d\n", (long long)status.st_size, S_ISREG(status.st_mode), (int)status.st_nlink);
    STEP(pread(fd, buffer, 3, 100));
    printf("[%.3s]\n", buffer);
    STEP(pwrite(fd, "J", 1, 0));
    STEP(ftruncate(fd, 5));
    STEP(lseek(fd, 0, SEEK_SET));
    memset(buffer, 0, sizeof buffer);
    STEP(read(fd, buffer, sizeof buffer));
    printf("[%s]\n", buffer);
    STEP(fsync(fd));
    STEP(fdatasync(fd));
    STEP(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
    STEP(fcntl(fd, F_GETFL) & (O_APPEND | O_NONBLOCK));
    STEP(close(fd));
    STEP(close(fd));
    STEP(read(fd, buffer, 1));

    fd = DONE(open("/d/new", O_WRONLY | O_APPEND));
    STEP(write(fd, "!", 1));
    STEP(read(fd, buffer, 1));
    STEP(fcntl(fd, F_GETFL) & O_APPEND ? 1 : 0);
    STEP(fcntl(fd, F_SETFL, 0));
    STEP(lseek(fd, 0, SEEK_SET));
    STEP(write(fd, "H", 1));
    STEP(close(fd));

    fd = DONE(open("/d/new", O_RDONLY));
    memset(buffer, 0, sizeof buffer);
    STEP(read(fd, buffer, sizeof buffer));
    printf("[%s]\n", buffer);
    STEP(write(fd, "x", 1));
    STEP(ftruncate(fd, 1));
    STEP(close(fd));

    DONE(open("/d/new", O_RDWR | O_CREAT | O_EXCL, 0666));
    DONE(open("/d/none", O_RDONLY));
    DONE(open("/d/none/none", O_RDWR | O_CREAT, 0666));
    DONE(open("/d/new/none", O_RDONLY));
    DONE(open("/d/new", O_RDONLY | O_DIRECTORY));
    DONE(open("/d/sub", O_WRONLY));
    DONE(open("/elsewhere", O_RDONLY));
    DONE(open("/d/../elsewhere", O_RDONLY));
    STEP(access("/d/new", R_OK | W_OK));
    STEP(access("/d/none", F_OK));
    STEP(truncate("/d/new", 2));
    STEP(stat("/d/new", &status));
    printf("size %lld\n", (long long)status.st_size);
    STEP(stat("/d/none", &status));
    STEP(unlink("/d/new"));
    STEP(unlink("/d/new"));

    FILE *file = fopen("/d/text", "w+");
    for (int i = 0; i < 10000; i++) fprintf(file, "%d squared is %d\n", i, i * i);
    STEP(fflush(file));
    STEP(ftell(file));
    STEP(fseek(file, -20, SEEK_END));
    STEP(fgets(buffer, sizeof buffer, file) ? 0 : -1);
    printf("%s", buffer);
    rewind(file);
    int lines = 0;
    while (fgets(buffer, sizeof buffer, file)) lines++;
    printf("%d lines\n", lines);
    STEP(fclose(file));
    STEP(remove("/d/text"));
    return 0;
}
