/* A server and a client, of TCP and UDP: what a program of emcc does with sockets. The first argument says which. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static int failed(const char *what) {
    printf("%s: %s\n", what, strerror(errno));
    return 1;
}

static struct sockaddr_in loopback(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    return address;
}

/* Which port the system has chosen is told on standard output, before anybody is waited for. */
static int listening(int type, int port) {
    int one = 1, fd = socket(AF_INET, type, 0);
    struct sockaddr_in address = loopback(port);
    socklen_t length = sizeof address;
    if (fd < 0) return failed("socket"), -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one)) return failed("setsockopt"), -1;
    if (bind(fd, (struct sockaddr *)&address, sizeof address)) return failed("bind"), -1;
    if (type == SOCK_STREAM && listen(fd, 16)) return failed("listen"), -1;
    if (getsockname(fd, (struct sockaddr *)&address, &length)) return failed("getsockname"), -1;
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

/* Echo what comes, one connection after the other, until one of them says "end". */
static int serve(int port) {
    int fd = listening(SOCK_STREAM, port);
    if (fd < 0) return 1;
    for (int ended = 0; !ended;) {
        struct sockaddr_in peer;
        socklen_t length = sizeof peer;
        int connection = accept(fd, (struct sockaddr *)&peer, &length);
        if (connection < 0) return failed("accept");
        char data[4096];
        long count, total = 0;
        while ((count = recv(connection, data, sizeof data, 0)) > 0) {
            if (count == 3 && !memcmp(data, "end", 3)) ended = 1;
            if (send(connection, data, count, MSG_NOSIGNAL) != count) return failed("send");
            total += count;
        }
        if (count < 0) return failed("recv");
        printf("echoed %ld bytes to %s\n", total, inet_ntoa(peer.sin_addr));
        close(connection);
    }
    close(fd);
    return 0;
}

/* The same with any number of connections at once: poll, and nothing that waits but it. */
static int serve_many(int port) {
    struct pollfd polled[64];
    int count = 1, ended = 0, accepted = 0;
    int fd = listening(SOCK_STREAM, port);
    if (fd < 0) return 1;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    polled[0] = (struct pollfd){fd, POLLIN};
    while (!ended || count > 1) {
        if (poll(polled, count, -1) < 0) return failed("poll");
        for (int at = count - 1; at > 0; at--) {
            if (!polled[at].revents) continue;
            char data[4096];
            long got = read(polled[at].fd, data, sizeof data);
            if (got > 0) {
                if (got == 3 && !memcmp(data, "end", 3)) ended = 1;
                if (write(polled[at].fd, data, got) == got) continue;
            }
            if (got < 0 && errno == EAGAIN) continue;
            close(polled[at].fd);
            polled[at] = polled[--count];
        }
        while (count < 64) {
            int connection = accept4(fd, 0, 0, SOCK_NONBLOCK);
            if (connection < 0) break;
            accepted++;
            polled[count++] = (struct pollfd){connection, POLLIN};
        }
        if (count < 64 && errno != EAGAIN) return failed("accept4");
    }
    printf("accepted %d\n", accepted);
    close(fd);
    return 0;
}

static int call(const char *host, const char *port, const char *text) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error) return printf("getaddrinfo: %s\n", gai_strerror(error)), 1;
    char name[64], service[16];
    getnameinfo(found->ai_addr, found->ai_addrlen, name, sizeof name, service, sizeof service, NI_NUMERICHOST);
    printf("%s is %s\n", host, name);
    int one = 1, fd = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
    if (fd < 0) return failed("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, found->ai_addr, found->ai_addrlen)) return failed("connect");
    freeaddrinfo(found);
    struct iovec pieces[2] = {{(char *)text, 1}, {(char *)text + 1, strlen(text) - 1}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    if (sendmsg(fd, &message, MSG_NOSIGNAL) != strlen(text)) return failed("sendmsg");
    if (shutdown(fd, SHUT_WR)) return failed("shutdown");
    char data[4096];
    long count, total = 0;
    while ((count = recv(fd, data + total, sizeof data - total - 1, 0)) > 0) total += count;
    if (count < 0) return failed("recv");
    data[total] = 0;
    printf("%s\n", data);
    close(fd);
    return 0;
}

/* Connect without waiting, and see by select when it is done. */
static int call_later(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = loopback(port);
    if (fd < 0) return failed("socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) return failed("connect");
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    struct timeval limit = {60, 0};
    if (select(fd + 1, 0, &set, 0, &limit) != 1) return failed("select");
    int error = -1;
    socklen_t length = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length)) return failed("getsockopt");
    printf("connected: %s\n", error ? strerror(error) : "yes");
    close(fd);
    return 0;
}

static int serve_datagrams(int port) {
    int fd = listening(SOCK_DGRAM, port);
    if (fd < 0) return 1;
    for (int at = 0; at < 3; at++) {
        char data[64];
        struct sockaddr_in peer;
        socklen_t length = sizeof peer;
        long count = recvfrom(fd, data, sizeof data, 0, (struct sockaddr *)&peer, &length);
        if (count < 0) return failed("recvfrom");
        printf("%ld bytes from %s\n", count, inet_ntoa(peer.sin_addr));
        if (sendto(fd, data, count, 0, (struct sockaddr *)&peer, length) != count) return failed("sendto");
    }
    close(fd);
    return 0;
}

static int send_datagrams(int port) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = loopback(port), peer;
    if (fd < 0) return failed("socket");
    for (int at = 1; at <= 3; at++) {
        char data[64];
        socklen_t length = sizeof peer;
        memset(data, 'a' + at, sizeof data);
        if (sendto(fd, data, 10 * at, 0, (struct sockaddr *)&address, sizeof address) != 10 * at) return failed("sendto");
        long count = recvfrom(fd, data, 15, MSG_TRUNC, (struct sockaddr *)&peer, &length);
        if (count < 0) return failed("recvfrom");
        printf("%ld bytes, the same peer: %d\n", count, peer.sin_port == address.sin_port);
    }
    close(fd);
    return 0;
}

int main(int count, char **arguments) {
    const char *what = count > 1 ? arguments[1] : "";
    int port = count > 2 ? atoi(arguments[2]) : 0;
    if (!strcmp(what, "serve")) return serve(port);
    if (!strcmp(what, "serve-many")) return serve_many(port);
    if (!strcmp(what, "call")) return call(arguments[2], arguments[3], arguments[4]);
    if (!strcmp(what, "call-later")) return call_later(port);
    if (!strcmp(what, "serve-datagrams")) return serve_datagrams(port);
    if (!strcmp(what, "send-datagrams")) return send_datagrams(port);
    printf("socket: %s\n", socket(AF_INET, SOCK_STREAM, 0) < 0 ? strerror(errno) : "made");
    return 0;
}
