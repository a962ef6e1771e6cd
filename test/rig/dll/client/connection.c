// The connection to the service: opened by the first call that needs it, read by a thread of its own, and never closed by us.
//
// An epoch numbers what handles belong to. It moves on when a new connection is made, and when the service says that it has
// restarted in place: either way the handles of the epoch before are void.
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_FILE L"C:\\hcssim\\address"
#define FIRST_CONNECT_MS 3000 // less than the 5 s that containerd gives a delete
#define RETRY_MS 50
#define NO_HANDLE_INHERIT 0x80 // WSA_FLAG_NO_HANDLE_INHERIT: a child that inherited the socket would keep a dead client alive

static SRWLOCK opening = SRWLOCK_INIT; // held by the one thread that connects
static SRWLOCK writing = SRWLOCK_INIT; // held while a frame is written and while the state below changes
static SOCKET current = INVALID_SOCKET;
static UINT32 epoch_now;
static BOOL reached; // the service has answered at least once

// Reads "127.0.0.1:port". FALSE while the service has not written it yet.
static BOOL read_address(struct sockaddr_in *address)
{
    char text[64] = {0};
    DWORD length = 0;
    HANDLE file = CreateFileW(ADDRESS_FILE, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                              OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return FALSE;
    BOOL ok = ReadFile(file, text, sizeof text - 1, &length, NULL);
    CloseHandle(file);
    char *colon = ok ? strrchr(text, ':') : NULL;
    if (!colon)
        return FALSE;
    *colon = 0;
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = inet_addr(text);
    address->sin_port = htons((u_short)atoi(colon + 1));
    return address->sin_addr.s_addr != INADDR_NONE && address->sin_port != 0;
}

static SOCKET dial(void)
{
    struct sockaddr_in address;
    BOOL on = TRUE;

    if (!read_address(&address))
        return INVALID_SOCKET;
    SOCKET socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED | NO_HANDLE_INHERIT);
    if (socket == INVALID_SOCKET)
        return INVALID_SOCKET;
    SetHandleInformation((HANDLE)socket, HANDLE_FLAG_INHERIT, 0); // for a winsock that ignores the flag above
    if (connect(socket, (struct sockaddr *)&address, sizeof address)) {
        closesocket(socket);
        return INVALID_SOCKET;
    }
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof on);
    return socket;
}

// Says who we are, and thereby proves that a service of this protocol is at the other end.
static BOOL hello(SOCKET socket)
{
    WCHAR path[MAX_PATH];
    frame answer;

    DWORD length = GetModuleFileNameW(NULL, path, MAX_PATH);
    path[length < MAX_PATH ? length : MAX_PATH - 1] = 0;
    PWSTR name = wcsrchr(path, L'\\');
    sim_request *request = sim_new("Hello");
    sim_add_text(request, name ? name + 1 : path);
    sim_add_number(request, GetCurrentProcessId());
    BOOL ok = request && !request->failed && request_write(request, socket, 1) && frame_read(socket, &answer);
    sim_request_free(request);
    if (!ok)
        return FALSE;
    ok = answer.id == 1 && SUCCEEDED(answer.reply->code);
    sim_reply_free(answer.reply);
    return ok;
}

static void event(sim_reply *reply, UINT32 *epoch)
{
    const char *kind = sim_field(reply, 0);

    if (!strcmp(kind, "service")) {
        AcquireSRWLockExclusive(&writing);
        UINT32 old = epoch_now++;
        *epoch = epoch_now;
        ReleaseSRWLockExclusive(&writing);
        request_service_lost(old);
        objects_lost(old);
        return;
    }
    sim_object *object = object_of_event(strtoull(sim_field(reply, 1), NULL, 10));
    if (!object)
        return; // its handle has been closed meanwhile
    if (object->class->event)
        object->class->event(object, sim_field(reply, 2));
    sim_object_release(object);
}

static DWORD WINAPI reader(void *unused)
{
    SOCKET socket = current; // fixed before this thread started; only this thread takes it away
    UINT32 epoch = epoch_now;
    frame frame;

    (void)unused;
    while (frame_read(socket, &frame)) {
        if (frame.id) {
            request_replied(frame.id, frame.reply);
            continue;
        }
        event(frame.reply, &epoch);
        sim_reply_free(frame.reply);
    }
    shutdown(socket, SD_BOTH); // frees a writer that waits for room
    AcquireSRWLockExclusive(&writing);
    current = INVALID_SOCKET;
    ReleaseSRWLockExclusive(&writing);
    closesocket(socket);
    request_service_lost(epoch);
    objects_lost(epoch);
    return 0;
}

static HRESULT open_connection(void)
{
    static BOOL started;
    WSADATA data;

    if (!started) {
        HMODULE self;
        if (WSAStartup(MAKEWORD(2, 2), &data))
            return CODE_SERVICE_NOT_AVAILABLE;
        // Our threads run this DLL's code until the process ends.
        GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (PCWSTR)open_connection, &self);
        started = TRUE;
    }
    ULONGLONG give_up = GetTickCount64() + FIRST_CONNECT_MS;
    SOCKET socket = dial();
    while (socket == INVALID_SOCKET && !reached && GetTickCount64() < give_up) {
        Sleep(RETRY_MS);
        socket = dial();
    }
    if (socket == INVALID_SOCKET || !hello(socket)) {
        if (socket != INVALID_SOCKET)
            closesocket(socket);
        return reached ? CODE_SERVICE_DISCONNECT : CODE_SERVICE_NOT_AVAILABLE;
    }
    AcquireSRWLockExclusive(&writing);
    current = socket;
    epoch_now++;
    reached = TRUE;
    HANDLE thread = CreateThread(NULL, 0, reader, NULL, CREATE_SUSPENDED, NULL);
    if (!thread) {
        current = INVALID_SOCKET;
        closesocket(socket);
    }
    ReleaseSRWLockExclusive(&writing);
    if (!thread)
        return CODE_OUT_OF_MEMORY;
    ResumeThread(thread);
    CloseHandle(thread);
    return S_OK;
}

static BOOL connected(UINT32 *epoch)
{
    AcquireSRWLockShared(&writing);
    BOOL up = current != INVALID_SOCKET;
    *epoch = epoch_now;
    ReleaseSRWLockShared(&writing);
    return up;
}

HRESULT sim_connect(UINT32 *epoch)
{
    HRESULT code = S_OK;

    if (connected(epoch))
        return S_OK;
    AcquireSRWLockExclusive(&opening);
    if (!connected(epoch)) {
        code = open_connection();
        connected(epoch);
    }
    ReleaseSRWLockExclusive(&opening);
    return code;
}

SOCKET connection_begin_write(UINT32 epoch)
{
    AcquireSRWLockExclusive(&writing);
    if (current != INVALID_SOCKET && epoch == epoch_now)
        return current;
    ReleaseSRWLockExclusive(&writing);
    return INVALID_SOCKET;
}

void connection_end_write(BOOL ok)
{
    if (!ok)
        shutdown(current, SD_BOTH); // the reader sees the end, and fails what was sent
    ReleaseSRWLockExclusive(&writing);
}
