/* A guard in plain C: blocks prompts that contain a word from its config, and counts what it blocked.
 *
 *   {"name": "c-guard", "path": "./c_guard.so", "config": {"word": "rosebud"}, "permissions": ["kv"]}
 */
#include "gatewright_plugin.h"

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

/* Whether any text of any message contains the word. */
static int found(const guard *self, gatewright_call call) {
  const gatewright_host_v1 *host = self->host;
  uint64_t messages = 0;
  host->count(call, slice("messages"), &messages);
  for (uint64_t message = 0; message < messages; message++) {
    char path[96];
    uint64_t blocks = 0;
    snprintf(path, sizeof path, "messages/%llu/blocks", (unsigned long long)message);
    host->count(call, slice(path), &blocks);
    for (uint64_t block = 0; block < blocks; block++) {
      gatewright_slice text;
      snprintf(path, sizeof path, "messages/%llu/blocks/%llu/content/text", (unsigned long long)message,
               (unsigned long long)block);
      if (host->get_text(call, slice(path), &text) == GATEWRIGHT_OK && contains(text, self->word)) {
        return 1;
      }
    }
  }
  return 0;
}

static gatewright_status check_input(void *plugin, gatewright_call call) {
  const guard *self = plugin;
  if (!found(self, call)) {
    return GATEWRIGHT_OK;
  }
  /* Without the permission it still guards; it only does not count. */
  int64_t count = 0;
  self->host->kv_increment(call, slice("blocked"), 1, &count);
  char line[64];
  snprintf(line, sizeof line, "blocked a prompt, number %lld", (long long)count);
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
