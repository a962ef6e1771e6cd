// Frames of package wire: u32 length of the rest, u32 id, u32 code, u32 count, then count times (u32 length, bytes). All little
// endian, as this processor is.
#include "client.h"

#include <string.h>

static void put(BYTE *at, UINT32 value)
{
    memcpy(at, &value, sizeof value);
}

static UINT32 get(const BYTE *at)
{
    UINT32 value;
    memcpy(&value, at, sizeof value);
    return value;
}

static BOOL reserve(sim_request *request, size_t more)
{
    size_t need = request->length + more;

    if (request->failed || need > FRAME_MAX) {
        request->failed = TRUE;
        return FALSE;
    }
    if (need <= request->capacity)
        return TRUE;
    size_t capacity = need * 2;
    BYTE *data = sim_alloc(capacity);
    if (!data) {
        request->failed = TRUE;
        return FALSE;
    }
    if (request->length)
        memcpy(data, request->data, request->length);
    sim_free(request->data);
    request->data = data;
    request->capacity = capacity;
    return TRUE;
}

static void append(sim_request *request, const void *bytes, size_t length)
{
    if (!reserve(request, length))
        return;
    memcpy(request->data + request->length, bytes, length);
    request->length += length;
}

// A field whose length is known only when it is written: begin_field leaves room for it.
static size_t begin_field(sim_request *request)
{
    UINT32 unknown = 0;
    size_t at = request->length;
    append(request, &unknown, sizeof unknown);
    return at;
}

static void end_field(sim_request *request, size_t at)
{
    if (request->failed)
        return;
    put(request->data + at, (UINT32)(request->length - at - 4));
    request->count++;
}

sim_request *sim_new(const char *name)
{
    sim_request *request = sim_alloc(sizeof *request);

    if (!request)
        return NULL;
    if (reserve(request, 4 + FRAME_HEAD))
        request->length = 4 + FRAME_HEAD;
    sim_add_utf8(request, name);
    return request;
}

void sim_request_free(sim_request *request)
{
    if (!request)
        return;
    sim_free(request->data);
    sim_free(request);
}

void sim_add_utf8(sim_request *request, const char *text)
{
    if (!request)
        return;
    size_t at = begin_field(request);
    append(request, text, strlen(text));
    end_field(request, at);
}

void sim_add_text(sim_request *request, PCWSTR text)
{
    if (!request)
        return;
    char *utf8 = sim_utf8(text);
    if (utf8)
        sim_add_utf8(request, utf8);
    else
        request->failed = TRUE;
    sim_free(utf8);
}

void sim_add_number(sim_request *request, UINT64 number)
{
    char digits[24];
    char *at = digits + sizeof digits - 1;

    *at = 0;
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    sim_add_utf8(request, at);
}

// Appends a JSON string literal.
static void append_json(sim_request *request, const char *utf8)
{
    static const char hex[] = "0123456789abcdef";

    append(request, "\"", 1);
    for (const BYTE *c = (const BYTE *)utf8; *c; c++) {
        char escape[6] = {'\\', 'u', '0', '0', hex[*c >> 4], hex[*c & 15]};
        if (*c == '"' || *c == '\\') {
            append(request, "\\", 1);
            append(request, c, 1);
        } else if (*c < 0x20) {
            append(request, escape, sizeof escape);
        } else {
            append(request, c, 1);
        }
    }
    append(request, "\"", 1);
}

void sim_add_texts(sim_request *request, const PCWSTR *texts, size_t count)
{
    if (!request)
        return;
    size_t at = begin_field(request);
    append(request, "[", 1);
    for (size_t i = 0; i < count; i++) {
        char *utf8 = sim_utf8(texts[i]);
        if (!utf8) {
            request->failed = TRUE;
            return;
        }
        if (i)
            append(request, ",", 1);
        append_json(request, utf8);
        sim_free(utf8);
    }
    append(request, "]", 1);
    end_field(request, at);
}

BOOL request_write(sim_request *request, SOCKET socket, UINT32 id)
{
    put(request->data, (UINT32)(request->length - 4));
    put(request->data + 4, id);
    put(request->data + 8, 0);
    put(request->data + 12, request->count);
    for (size_t sent = 0; sent < request->length;) {
        int n = send(socket, (const char *)request->data + sent, (int)(request->length - sent), 0);
        if (n <= 0)
            return FALSE;
        sent += n;
    }
    return TRUE;
}

static BOOL receive(SOCKET socket, void *buffer, size_t length)
{
    char *at = buffer;

    while (length) {
        int n = recv(socket, at, (int)length, 0);
        if (n <= 0)
            return FALSE;
        at += n;
        length -= n;
    }
    return TRUE;
}

// The reply and its texts are one allocation: the pointers first, then the frame's body. A text is terminated by overwriting the
// first byte of the next one's length, which has been read by then.
static sim_reply *parse(const BYTE *body, UINT32 length)
{
    UINT32 count = get(body + 8);

    if (count > (length - FRAME_HEAD) / 4)
        return NULL;
    size_t head = sizeof(sim_reply) + count * sizeof(char *);
    sim_reply *reply = sim_alloc(head + length - FRAME_HEAD + 1);
    if (!reply)
        return NULL;
    BYTE *at = (BYTE *)reply + head;
    BYTE *end = at + length - FRAME_HEAD;
    memcpy(at, body + FRAME_HEAD, length - FRAME_HEAD);
    reply->code = (HRESULT)get(body + 4);
    reply->count = count;
    for (UINT32 i = 0; i < count; i++) {
        if (end - at < 4 || get(at) > (UINT32)(end - at - 4)) {
            sim_free(reply);
            return NULL;
        }
        UINT32 size = get(at);
        *at = 0;
        reply->fields[i] = (char *)at + 4;
        at += 4 + size;
    }
    return reply;
}

BOOL frame_read(SOCKET socket, frame *frame)
{
    BYTE head[4];

    if (!receive(socket, head, sizeof head))
        return FALSE;
    UINT32 length = get(head);
    if (length < FRAME_HEAD || length > FRAME_MAX)
        return FALSE;
    BYTE *body = sim_alloc(length);
    if (!body)
        return FALSE;
    BOOL ok = receive(socket, body, length);
    if (ok) {
        frame->id = get(body);
        frame->reply = parse(body, length);
        ok = frame->reply != NULL;
    }
    sim_free(body);
    return ok;
}

sim_reply *reply_of_code(HRESULT code)
{
    sim_reply *reply = sim_alloc(sizeof *reply);

    if (reply)
        reply->code = code;
    return reply;
}

HRESULT sim_code(const sim_reply *reply)
{
    return reply ? reply->code : CODE_OUT_OF_MEMORY;
}

const char *sim_field(const sim_reply *reply, UINT32 index)
{
    return reply && index < reply->count ? reply->fields[index] : "";
}

void sim_reply_free(sim_reply *reply)
{
    sim_free(reply);
}
