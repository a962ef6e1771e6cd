// Unix sockets, which Wine has not: each is a TCP socket on a loopback address of its own, which its file tells (link_text.c). The address
// is of 127.77.0.0/16, by chance, so that a file that was left over does not lead to another program's socket.
#ifndef HOOK_UNIX_SOCKET_H
#define HOOK_UNIX_SOCKET_H

// Before windows.h, which would bring the older one.
#include <winsock2.h>
#include <mswsock.h>

#include "node.h"

#define UNIX_FAMILY 1 // AF_UNIX
#define UNIX_TEXT 108

// SOCKADDR_UN of afunix.h. The path is UTF-8.
typedef struct unix_address {
    USHORT family;
    char path[UNIX_TEXT];
} unix_address;

typedef struct unix_socket {
    SOCKET handle;
    ULONG address; // of a bound one, network byte order
    USHORT port;
    char own[UNIX_TEXT];  // empty: no name
    char peer[UNIX_TEXT]; // of one that has connected
} unix_socket;

// ---- unix_table.c

BOOL unix_add(SOCKET handle);
BOOL unix_get(SOCKET handle, unix_socket *out); // FALSE for a socket that is none of these
void unix_put(const unix_socket *s);
BOOL unix_listener(ULONG address, USHORT port, unix_socket *out); // the one bound there

// ---- unix_address.c

// The Unix path of an address's file.
NTSTATUS unix_file(const void *address, int length, BOOL make, char *path);
// Writes the address of a name for a caller's buffer, as much as fits; *length becomes the whole length. FALSE sets WSAEFAULT.
BOOL unix_write(const char *text, void *address, int *length);
// Copies the name out of an address.
void unix_text(const void *address, int length, char *text);
// Where to connect to. FALSE sets the error.
BOOL unix_target(const void *address, int length, struct sockaddr_in *in);

typedef int(WSAAPI *bind_t)(SOCKET, const struct sockaddr *, int);

void hook_unix_connect(HMODULE winsock, bind_t bind); // unix_connect.c; bind is Winsock's own

// ---- unix_accept.c

void hook_unix_accept(HMODULE winsock, HMODULE extensions);
void *unix_accept_addresses(void); // what stands in for GetAcceptExSockaddrs

#endif
