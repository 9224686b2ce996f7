#define _GNU_SOURCE
#include "CResolverAim.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <resolv.h>
#include <string.h>

int cresolveraim_ask(uint16_t port) {
    if (res_init() != 0) return -1;
    struct sockaddr_in server;
    memset(&server, 0, sizeof server);
    server.sin_family = AF_INET;
    server.sin_port = htons(port);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    _res.nscount = 1;
    _res.nsaddr_list[0] = server;
    _res.options &= ~(unsigned long)(RES_DNSRCH | RES_DEFNAMES);
    return 0;
}
