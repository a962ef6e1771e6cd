// Sockets of a container that has an endpoint. Wine has one network for all, which is the machine's; the endpoint's address is one of
// loopback's (HCSSIM_ADDRESS, from the service), and Linux answers on all of 127.0.0.0/8. So each program of the container binds to that
// address where it asks for any address or for localhost: two containers can listen on the same port, and a program in the container, or
// one that knows its address, reaches what listens.
//
//	bind to 0.0.0.0, [::], 127.0.0.1, [::1]   the container's address; for IPv6 the address mapped into it, as Windows has it for a socket
//	                                          that takes both
//	connect to 127.0.0.1, [::1]               the container's address
//	what is not bound when it connects        is bound to the container's address, so that the other side sees whose it is
//
// What differs from a container on Windows: what listens on localhost alone is reached at the container's address too; getsockname tells
// that address where a program bound to any; a socket for IPv6 alone (IPV6_V6ONLY) binds in the network of the machine; nothing beyond the
// machine is reached. A datagram socket of IPv4 alone is Wine's as it is, bound to any address and shared with the machine (Wine binds
// those so, unless an interface has the address: server/sock.c, bind_to_interface), and datagrams that are sent to localhost without a
// connect go there; so that the answer to one of those sockets arrives.
//
// All of Wine's ws2_32 and mswsock goes through one system call, with requests of Wine's own (checked on 8.0: include/wine/afd.h), so that
// this one is hooked and their functions stay as they are.
#include "hook.h"

#define AFD_BIND 0x00012003
#define AFD_WINE_CONNECT 0x0012032C

#define FAMILY_IP4 2
#define FAMILY_IP6 23

typedef struct ip4 {
    USHORT family;
    USHORT port; // big-endian, as all below
    BYTE address[4];
    BYTE zero[8];
} ip4;

typedef struct ip6 {
    USHORT family;
    USHORT port;
    ULONG flow;
    BYTE address[16];
    ULONG scope;
} ip6;

typedef union address {
    USHORT family;
    ip4 four;
    ip6 six;
} address;

typedef struct bind_params {
    int unknown;
    address at;
} bind_params;

typedef struct connect_params {
    int size; // of the address, which data to be sent may follow
    int synchronous;
    BYTE rest[1];
} connect_params;

static NtDeviceIoControlFile_t real_NtDeviceIoControlFile;
static BYTE own[4];

static const BYTE any[16];
static const BYTE localhost4[4] = {127, 0, 0, 1};
static const BYTE localhost6[16] = {[15] = 1};
static const BYTE mapped[12] = {[10] = 0xff, [11] = 0xff}; // ::ffff:0:0/96

static BOOL same(const BYTE *a, const BYTE *b, ULONG size)
{
    for (ULONG i = 0; i < size; i++)
        if (a[i] != b[i])
            return FALSE;
    return TRUE;
}

// Copies an address to *to with the container's in the place of localhost, and of any where that is asked for. FALSE: it stays.
static BOOL redirect(const void *from, ULONG size, BOOL also_any, address *to)
{
    const address *a = from;

    if (size >= sizeof a->four && a->family == FAMILY_IP4) {
        if (!same(a->four.address, localhost4, 4) && !(also_any && same(a->four.address, any, 4)))
            return FALSE;
        to->four = a->four;
        memcpy(to->four.address, own, 4);
        return TRUE;
    }
    if (size >= sizeof a->six && a->family == FAMILY_IP6) {
        const BYTE *is = a->six.address;
        BOOL in4 = same(is, mapped, 12);
        if (!same(is, localhost6, 16) && !(in4 && same(is + 12, localhost4, 4)) &&
            !(also_any && (same(is, any, 16) || (in4 && same(is + 12, any, 4)))))
            return FALSE;
        to->six = a->six;
        to->six.scope = 0;
        memcpy(to->six.address, mapped, 12);
        memcpy(to->six.address + 12, own, 4);
        return TRUE;
    }
    return FALSE;
}

static ULONG size_of(const address *a)
{
    return a->family == FAMILY_IP6 ? sizeof a->six : sizeof a->four;
}

// Whether an address of IPv6 is beyond what a socket reaches that has an address of IPv4.
static BOOL is_ip6_alone(const address *a, ULONG size)
{
    return a->family == FAMILY_IP6 && size >= sizeof a->six && !same(a->six.address, mapped, 12) && !same(a->six.address, localhost6, 16);
}

// Binds a socket that is to reach "to" and may not be bound yet to the container's address and a port of the system's choice. One that is
// bound says so, and stays as it is.
static void bind_unbound(HANDLE socket, const address *to, ULONG size)
{
    bind_params params = {0, {.family = to->family}};
    address given = {.family = to->family};
    address got;
    IO_STATUS_BLOCK io;

    if (!is_ip6_alone(to, size) && redirect(&given, size_of(&given), TRUE, &params.at))
        real_NtDeviceIoControlFile(socket, NULL, NULL, NULL, &io, AFD_BIND, &params, FIELD_OFFSET(bind_params, at) + size_of(&given), &got,
                                   size_of(&given));
}

#define REST HANDLE event, PIO_APC_ROUTINE apc, PVOID context, PIO_STATUS_BLOCK io
#define PASS event, apc, context, io

static NTSTATUS bind_to(HANDLE socket, REST, const bind_params *in, ULONG in_size, PVOID out, ULONG out_size)
{
    bind_params params = {in->unknown, {.family = 0}};
    ULONG size = in_size - FIELD_OFFSET(bind_params, at);

    if (redirect(&in->at, size, TRUE, &params.at)) {
        NTSTATUS status = real_NtDeviceIoControlFile(socket, PASS, AFD_BIND, &params, FIELD_OFFSET(bind_params, at) + size_of(&params.at),
                                                     out, out_size);
        // A socket for IPv6 alone takes no address of IPv4.
        if (status != STATUS_INVALID_PARAMETER || params.at.family != FAMILY_IP6)
            return status;
    }
    return real_NtDeviceIoControlFile(socket, PASS, AFD_BIND, (PVOID)in, in_size, out, out_size);
}

static NTSTATUS connect_to(HANDLE socket, REST, const connect_params *in, ULONG in_size, PVOID out, ULONG out_size)
{
    address to;
    connect_params *copy = NULL;
    NTSTATUS status;

    if (in->size < (int)sizeof to.four || (ULONG)in->size > in_size - FIELD_OFFSET(connect_params, rest))
        return real_NtDeviceIoControlFile(socket, PASS, AFD_WINE_CONNECT, (PVOID)in, in_size, out, out_size);
    bind_unbound(socket, (const address *)in->rest, in->size);
    if (redirect(in->rest, in->size, FALSE, &to)) {
        copy = memory_get(in_size);
        if (!copy)
            return STATUS_NO_MEMORY;
        memcpy(copy, in, in_size);
        memcpy(copy->rest, &to, size_of(&to));
        in = copy;
    }
    status = real_NtDeviceIoControlFile(socket, PASS, AFD_WINE_CONNECT, (PVOID)in, in_size, out, out_size);
    memory_free(copy);
    return status;
}

static NTSTATUS NTAPI hook_NtDeviceIoControlFile(HANDLE file, REST, ULONG code, PVOID in, ULONG in_size, PVOID out, ULONG out_size)
{
    switch (code) {
    case AFD_BIND:
        if (in && in_size >= FIELD_OFFSET(bind_params, at) + sizeof(ip4))
            return bind_to(file, PASS, in, in_size, out, out_size);
        break;
    case AFD_WINE_CONNECT:
        if (in && in_size >= FIELD_OFFSET(connect_params, rest) + sizeof(ip4))
            return connect_to(file, PASS, in, in_size, out, out_size);
        break;
    }
    return real_NtDeviceIoControlFile(file, PASS, code, in, in_size, out, out_size);
}

// "127.64.16.2"; FALSE when it is none.
static BOOL parse(const WCHAR *text)
{
    for (int i = 0; i < 4; i++) {
        ULONG value = 0;
        int digits = 0;
        for (; *text >= L'0' && *text <= L'9' && digits < 3; digits++)
            value = value * 10 + (*text++ - L'0');
        if (!digits || value > 255 || *text != (i < 3 ? L'.' : 0))
            return FALSE;
        own[i] = (BYTE)value;
        text++;
    }
    return TRUE;
}

void hook_sockets(void)
{
    const WCHAR *text = view_variable(VIEW_ADDRESS);

    if (!text)
        return;
    if (!parse(text)) {
        report("HCSSIM_ADDRESS is no IPv4 address");
        return;
    }
    patch_syscall("NtDeviceIoControlFile", hook_NtDeviceIoControlFile, (void **)&real_NtDeviceIoControlFile);
    hook_udp();
}
