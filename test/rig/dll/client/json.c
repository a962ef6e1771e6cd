// As much of JSON as the client needs: members of the outermost object. The service is the one that judges documents; one that is
// malformed simply has no members here.
#include "client.h"

#include <stdlib.h>
#include <string.h>

static const char *blank(const char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')
        at++;
    return at;
}

// Past the string literal that begins here, or NULL.
static const char *skip_string(const char *at)
{
    if (*at != '"')
        return NULL;
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && !*++at)
            return NULL;
    return *at ? at + 1 : NULL;
}

// Past the value that begins here, or NULL.
static const char *skip_value(const char *at)
{
    int depth = 0;

    do {
        at = blank(at);
        if (*at == '"') {
            at = skip_string(at);
            if (!at)
                return NULL;
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            depth--;
            at++;
        } else if (*at == ',' || *at == ':') {
            at++;
        } else {
            size_t length = strcspn(at, ",:{}[]\" \t\r\n");
            if (!length)
                return NULL;
            at += length;
        }
    } while (depth > 0);
    return depth ? NULL : at;
}

// The value of the member, or NULL. Of several of that name the last one counts, as in most parsers.
static const char *member(const char *document, const char *name)
{
    const char *found = NULL;
    size_t length = strlen(name);
    const char *at = blank(document);

    if (*at++ != '{')
        return NULL;
    for (;;) {
        const char *key = blank(at);
        const char *end = skip_string(key);
        if (!end)
            return found;
        at = blank(end);
        if (*at++ != ':')
            return NULL;
        at = blank(at);
        if ((size_t)(end - key) == length + 2 && !memcmp(key + 1, name, length))
            found = at;
        at = skip_value(at);
        if (!at)
            return NULL;
        at = blank(at);
        if (*at++ != ',')
            return found;
    }
}

BOOL sim_json_true(const char *document, const char *name)
{
    const char *value = member(document, name);
    return value && !strncmp(value, "true", 4);
}

BOOL sim_json_text_is(const char *document, const char *name, const char *wanted)
{
    const char *value = member(document, name);
    size_t length = strlen(wanted);
    return value && *value == '"' && !strncmp(value + 1, wanted, length) && value[length + 1] == '"';
}

BOOL sim_json_number(const char *document, const char *name, LONGLONG *number)
{
    const char *value = member(document, name);
    char *end;

    if (!value)
        return FALSE;
    *number = _strtoi64(value, &end, 10);
    return end != value;
}
