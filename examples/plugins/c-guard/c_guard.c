/* A guard in plain C: blocks prompts that contain a word from its config, and counts what it blocked.
 *
 *   {"name": "c-guard", "path": "./c_guard.so", "config": {"word": "rosebud"}, "permissions": ["kv"]}
 *
 * It reads what a model is told in words: texts, refusals, reasoning, the arguments of tool calls, documents that are
 * text, what tools answered, and blocks of kinds that the gateway does not know. It does not read pictures, sound, files,
 * the descriptions of tools, and names. Bytes are compared as they are: another case or spelling is another word, and so
 * is one of which letters are escaped (`\u0072`) in the arguments of a tool call, which are JSON.
 */
#include "gatewright_plugin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An instance: the host's functions, and the word. */
typedef struct guard {
  const gatewright_host_v1 *host;
  char *word;
} guard;

static gatewright_slice slice(const char *text) {
  return (gatewright_slice){(const uint8_t *)text, strlen(text)};
}

/* Whether a text, which does not end in a 0 byte, contains a word. */
static int contains(gatewright_slice text, const char *word) {
  size_t length = strlen(word);
  for (size_t at = 0; at + length <= text.len; at++) {
    if (memcmp(text.ptr + at, word, length) == 0) {
      return 1;
    }
  }
  return 0;
}

/* Reads `config/word`, and keeps a copy: what the host lends is gone after this call. */
static gatewright_status create(const gatewright_host_v1 *host, gatewright_call call, gatewright_slice config,
                                void **plugin) {
  (void)config;
  gatewright_slice word;
  if (host->get_text(call, slice("config/word"), &word) != GATEWRIGHT_OK || word.len == 0) {
    host->fail(call, slice("its config needs a `word` that is not empty"));
    return GATEWRIGHT_ERROR;
  }
  guard *made = malloc(sizeof(guard));
  char *copy = malloc(word.len + 1);
  if (made == NULL || copy == NULL) {
    free(made);
    free(copy);
    return GATEWRIGHT_ERROR;
  }
  memcpy(copy, word.ptr, word.len);
  copy[word.len] = 0;
  made->host = host;
  made->word = copy;
  *plugin = made;
  return GATEWRIGHT_OK;
}

static void destroy(void *plugin) {
  guard *self = plugin;
  free(self->word);
  free(self);
}

/* Looks at every text of the conversation. Anything but GATEWRIGHT_OK: not all of it could be read. */
static gatewright_status look(const guard *self, gatewright_call call, int *found) {
  uint64_t texts = 0;
  gatewright_status status = self->host->count(call, slice("texts"), &texts);
  for (uint64_t number = 0; status == GATEWRIGHT_OK && !*found && number < texts; number++) {
    char path[64];
    gatewright_slice text;
    snprintf(path, sizeof path, "texts/%" PRIu64 "/1", number);
    status = self->host->get_text(call, slice(path), &text);
    *found = status == GATEWRIGHT_OK && contains(text, self->word);
  }
  return status;
}

static gatewright_status check_input(void *plugin, gatewright_call call) {
  const guard *self = plugin;
  int found = 0;
  gatewright_status status = look(self, call, &found);
  if (!found) {
    /* Not OK is a failure, and `fail_closed` keeps the request from the model: what was not read may hold the word. */
    return status;
  }
  /* Without the permission it still guards; it only does not count. */
  int64_t count = 0;
  self->host->kv_increment(call, slice("blocked"), 1, &count);
  char line[64];
  snprintf(line, sizeof line, "blocked a prompt, number %" PRId64, count);
  self->host->log(call, GATEWRIGHT_INFO, slice(line));
  return self->host->block(call, 0, slice("The prompt holds a word that is not allowed"), slice("word"));
}

static const gatewright_hooks_v1 hooks = {
    .size = sizeof(gatewright_hooks_v1),
    .check_input = check_input,
};

static const gatewright_plugin_table_v1 table = {
    .size = sizeof(gatewright_plugin_table_v1),
    .minor = GATEWRIGHT_ABI_MINOR,
    .manifest = GATEWRIGHT_CONSTANT("{\"name\": \"c-guard\", \"version\": \"1.0.0\", \"messages\": \"ro\","
                                    " \"failure_mode\": \"fail_closed\", \"permissions\": [\"kv\"]}"),
    .hooks = &hooks,
    .create = create,
    .destroy = destroy,
};

const gatewright_plugin_table_v1 *gatewright_plugin_v1(void) { return &table; }
