/* A plugin that does what its config says, none of which is good. */
#include "gatewright_plugin.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So that two builds are two libraries. */
GATEWRIGHT_EXPORT const unsigned hostile_unique = UNIQUE;

static const gatewright_host_v1 *host;
static atomic_int last_status = 0;
static atomic_int destroyed = 0;
/* Pulls that are under way, whether a stream was given up during one, and how many were. */
static atomic_int pulling = 0;
static atomic_int overlapped = 0;
static atomic_int closed = 0;
/* A call that has not returned, where there may be only one at a time; and what the host said of it within another. */
static _Atomic gatewright_call outer = 0;
static atomic_int within = 0;

static gatewright_slice slice(const char *text) {
  return (gatewright_slice){(const uint8_t *)text, strlen(text)};
}

/* Whether the host says this of what it refused last. */
static int says(gatewright_call call, const char *what) {
  gatewright_slice said;
  return host->error(call, &said) == GATEWRIGHT_OK && memmem(said.ptr, said.len, what, strlen(what)) != NULL;
}

static gatewright_status create(const gatewright_host_v1 *given, gatewright_call call, gatewright_slice config,
                                void **plugin) {
  (void)config;
  gatewright_slice mode;
  host = given;
  if (host->get_text(call, slice("config/mode"), &mode) != GATEWRIGHT_OK) {
    mode = slice("good");
  }
  char *copy = calloc(1, mode.len + 1);
  memcpy(copy, mode.ptr, mode.len);
  if (strcmp(copy, "create_fails") == 0) {
    host->fail(call, slice("the word is missing"));
    return GATEWRIGHT_ERROR;
  }
  if (strcmp(copy, "create_fails_in_words_alone") == 0) {
    host->fail(call, slice("the word is missing"));
    return GATEWRIGHT_OK;
  }
  if (strcmp(copy, "create_hangs") == 0) {
    usleep(400 * 1000);
  }
  if (strcmp(copy, "create_naps") == 0) {
    usleep(250 * 1000);
  }
  if (strcmp(copy, "create_gives_nothing") == 0) {
    free(copy);
    return GATEWRIGHT_OK;
  }
  if (strcmp(copy, "create_asks") == 0) {
    int64_t sum;
    return host->kv_increment(call, slice("a"), 1, &sum) == GATEWRIGHT_UNSUPPORTED && says(call, "not there in `create`")
               ? GATEWRIGHT_OK
               : GATEWRIGHT_ERROR;
  }
  if (strcmp(copy, "create_writes") == 0) {
    return host->state_set(call, slice("a"), slice("b")) == GATEWRIGHT_UNSUPPORTED &&
                   host->metadata_set(call, slice("a"), slice("b")) == GATEWRIGHT_UNSUPPORTED &&
                   host->set_text(call, slice("name"), slice("b")) == GATEWRIGHT_UNSUPPORTED &&
                   host->answer(call, slice("a")) == GATEWRIGHT_UNSUPPORTED
               ? GATEWRIGHT_OK
               : GATEWRIGHT_ERROR;
  }
  *plugin = copy;
  return GATEWRIGHT_OK;
}

static void destroy(void *plugin) {
  gatewright_slice out;
  if (plugin != NULL && strcmp(plugin, "farewell") == 0) {
    last_status = host->get_text(outer, slice("model"), &out);
  }
  free(plugin);
  destroyed++;
}

static void *later(void *call) {
  usleep(60 * 1000);
  gatewright_slice out;
  last_status = host->get_text((gatewright_call)(uintptr_t)call, slice("model"), &out);
  return NULL;
}

/* A call on the gateway's own thread may not be reached from another. */
static void *elsewhere(void *call) {
  last_status = host->set_text((gatewright_call)(uintptr_t)call, slice("model"), slice("x"));
  return NULL;
}

static int digit(char hex) { return hex <= '9' ? hex - '0' : hex - 'a' + 10; }

/* Answers with the bytes of which these are the hexadecimal digits. */
static gatewright_status say(gatewright_call call, const char *digits) {
  size_t len = strlen(digits) / 2;
  uint8_t *bytes = calloc(1, len + 1);
  for (size_t at = 0; at < len; at++) {
    bytes[at] = (uint8_t)(digit(digits[2 * at]) << 4 | digit(digits[2 * at + 1]));
  }
  gatewright_status status = host->answer(call, (gatewright_slice){bytes, len});
  free(bytes);
  return status;
}

/* Which of these, from 1 on, the host did not refuse for being no UTF-8; 0 if it refused them all. */
static int taken_without_utf8(gatewright_call call) {
  const gatewright_slice bad = slice("ok \xff\xfe"), good = slice("a");
  gatewright_slice out;
  int64_t number;
  int32_t flag;
  uint64_t many;
  const gatewright_status said[] = {
      host->get_text(call, bad, &out),
      host->get_int(call, bad, &number),
      host->get_bool(call, bad, &flag),
      host->count(call, bad, &many),
      host->set_text(call, bad, good),
      host->set_text(call, slice("model"), bad),
      host->set_text(call, slice("texts/0/1"), bad),
      host->set_int(call, bad, 1),
      host->block(call, 0, bad, good),
      host->block(call, 0, good, bad),
      host->respond_text(call, 200, bad),
      host->identify(call, bad, good, good),
      host->identify(call, good, bad, good),
      host->identify(call, good, good, bad),
      host->state_get(call, bad, &out),
      host->state_set(call, bad, good),
      host->state_set(call, good, bad),
      host->metadata_set(call, bad, good),
      host->metadata_set(call, good, bad),
      host->kv_get(call, bad, &out),
      host->kv_set(call, bad, good, 0),
      host->kv_increment(call, bad, 1, &number),
      host->ask(call, GATEWRIGHT_FUNCTION_KV_GET, slice("\x62\xff\xfe"), &out),
  };
  for (size_t at = 0; at < sizeof(said) / sizeof(said[0]); at++) {
    if (said[at] != GATEWRIGHT_INVALID) {
      return (int)at + 1;
    }
  }
  return 0;
}

/* Asks for a value at the same time as another thread of the same call. */
static void *asks_too(void *call) {
  gatewright_slice out;
  if (host->kv_get((gatewright_call)(uintptr_t)call, slice("never"), &out) == GATEWRIGHT_BUSY) {
    last_status = GATEWRIGHT_BUSY;
  }
  return NULL;
}

/* Writes to the gateway's own stdout, past whatever that keeps: whole lines, bytes that are no text, and no end. */
static void print(void) {
  char noise[4096];
  memset(noise, 'n', sizeof(noise));
  noise[sizeof(noise) - 1] = '\n';
  for (int at = 0; at < 256; at++) {
    (void)!write(STDOUT_FILENO, noise, sizeof(noise));
  }
  (void)!write(STDOUT_FILENO, "\xff\0{\"level\":", 12);
}

static gatewright_status check_input(void *plugin, gatewright_call call) {
  const char *mode = plugin == NULL ? "good" : plugin;
  gatewright_slice out;
  int64_t sum = 0;
  pthread_t thread;
#define IS(name) (strcmp(mode, name) == 0)
  if (IS("loop")) {
    for (;;) {
      usleep(1000);
    }
  }
  if (strncmp(mode, "says ", 5) == 0) {
    return say(call, mode + 5);
  }
  if (IS("decides_elsewhere")) {
    last_status = host->respond_text(call, 200, slice("no")) == GATEWRIGHT_UNSUPPORTED &&
                          host->drop_chunk(call) == GATEWRIGHT_UNSUPPORTED &&
                          host->identify(call, slice("a"), slice("b"), slice("c")) == GATEWRIGHT_UNSUPPORTED &&
                          host->set_text(call, slice("model"), slice("b")) == GATEWRIGHT_UNSUPPORTED &&
                          says(call, "edits nothing")
                      ? 0
                      : 1;
    return GATEWRIGHT_OK;
  }
  if (IS("again") || IS("again_waiting")) {
    gatewright_call none = 0;
    if (!atomic_compare_exchange_strong(&outer, &none, call)) {
      /* The host calls while it does what the first call asks. This one is as good as any; is that one? */
      within = host->get_text(outer, slice("model"), &out);
      return host->state_set(call, slice("within"), slice("1"));
    }
    if (IS("again")) {
      last_status = host->log(call, GATEWRIGHT_INFO, slice("again"));
    } else {
      last_status = host->kv_increment(call, slice("again"), 1, &sum);
    }
    outer = 0;
    if (last_status == GATEWRIGHT_OK) {
      last_status = within * 10 + host->get_text(call, slice("model"), &out);
    }
    return host->state_set(call, slice("after"), slice("1"));
  }
  if (IS("asks_twice")) {
    pthread_create(&thread, NULL, asks_too, (void *)(uintptr_t)call);
    pthread_detach(thread);
    asks_too((void *)(uintptr_t)call);
    return GATEWRIGHT_OK;
  }
  if (IS("farewell")) {
    outer = call;
    return GATEWRIGHT_OK;
  }
  if (IS("prints")) {
    print();
    return GATEWRIGHT_OK;
  }
  if (IS("crashes")) {
    *(volatile int *)NULL = 1;
  }
  if (IS("aborts")) {
    abort();
  }
  if (IS("exits")) {
    exit(3);
  }
  if (IS("late")) {
    while (!host->cancelled(call)) {
      usleep(1000);
    }
    last_status = host->block(call, 0, slice("late"), slice(""));
    host->metadata_set(call, slice("late"), slice("1"));
    return GATEWRIGHT_OK;
  }
  if (IS("nap")) {
    usleep(150 * 1000);
    return GATEWRIGHT_OK;
  }
  if (IS("slumber")) {
    usleep(400 * 1000);
    return GATEWRIGHT_OK;
  }
  if (IS("document")) {
    host->answer(call, slice("\xff\xff not a document"));
    return GATEWRIGHT_OK;
  }
  if (IS("oversized")) {
    size_t len = (size_t)33 << 20;
    uint8_t *bytes = calloc(1, len);
    gatewright_status status = host->answer(call, (gatewright_slice){bytes, len});
    free(bytes);
    return status;
  }
  if (IS("utf8")) {
    last_status = host->block(call, 0, slice("\xff\xfe"), slice(""));
    return GATEWRIGHT_OK;
  }
  if (IS("status")) {
    return 12345;
  }
  if (IS("unwell")) {
    host->fail(call, slice("boom \xff"));
    return GATEWRIGHT_PANIC;
  }
  if (IS("refused")) {
    /* Each time there are words of something else before. */
    host->get_text(call, slice("nothing"), &out);
    last_status = host->ask(call, 99, slice(""), &out) == GATEWRIGHT_UNSUPPORTED &&
                          says(call, "no host function 99") &&
                          host->kv_get(call, slice("never"), &out) == GATEWRIGHT_MISSING &&
                          says(call, "no such key") &&
                          host->kv_get(call, slice("\xff"), &out) == GATEWRIGHT_INVALID && says(call, "UTF-8")
                      ? 0
                      : 1;
    return GATEWRIGHT_OK;
  }
  if (IS("refused_in_place")) {
    host->get_text(call, slice("nothing"), &out);
    last_status = host->ask(call, GATEWRIGHT_FUNCTION_KV_GET, slice("\x61k"), &out) == GATEWRIGHT_UNSUPPORTED &&
                          says(call, "`kv.get` waits")
                      ? 0
                      : 1;
    return GATEWRIGHT_OK;
  }
  if (IS("null")) {
    last_status = host->get_text(call, slice("model"), NULL) == GATEWRIGHT_INVALID && says(call, "is NULL") &&
                          host->get_text(call, (gatewright_slice){NULL, 5}, &out) == GATEWRIGHT_INVALID &&
                          says(call, "`path` is NULL") &&
                          host->set_text(call, slice("model"), (gatewright_slice){NULL, 5}) == GATEWRIGHT_INVALID &&
                          says(call, "`text` is NULL") &&
                          host->get_text(call, (gatewright_slice){(const uint8_t *)"m", (size_t)-1}, &out) ==
                              GATEWRIGHT_INVALID &&
                          host->part(call, 99, &out) == GATEWRIGHT_UNSUPPORTED &&
                          host->ask(call, 99, slice(""), &out) == GATEWRIGHT_UNSUPPORTED &&
                          host->get_text(0, slice("model"), &out) == GATEWRIGHT_STALE &&
                          host->get_text(UINT64_MAX, slice("model"), &out) == GATEWRIGHT_STALE
                      ? 0
                      : 1;
    return GATEWRIGHT_OK;
  }
  if (IS("greedy")) {
    do {
      last_status = host->error(call, &out) == GATEWRIGHT_OK ? host->head(call, &out) : GATEWRIGHT_TOO_LARGE;
    } while (last_status == GATEWRIGHT_OK);
    if (!says(call, "given too much")) {
      last_status = 0;
    }
    return GATEWRIGHT_OK;
  }
  if (IS("blocks_after_all")) {
    host->answer(call, slice("\xa0"));
    last_status = host->block(call, 0, slice("after all"), slice(""));
    return GATEWRIGHT_OK;
  }
  if (IS("allows_after_all")) {
    host->block(call, 0, slice("no"), slice(""));
    last_status = host->answer(call, slice("\xa0"));
    return GATEWRIGHT_OK;
  }
  if (IS("writes")) {
    char key[16] = "k";
    uint32_t at = 0;
    do {
      key[1] = (char)('a' + at % 26);
      key[2] = (char)('a' + at / 26 % 26);
      at++;
      last_status = host->state_set(call, slice(key), slice("value"));
    } while (last_status == GATEWRIGHT_OK);
    return GATEWRIGHT_ERROR;
  }
  if (IS("stale")) {
    pthread_create(&thread, NULL, later, (void *)(uintptr_t)call);
    pthread_detach(thread);
    return GATEWRIGHT_OK;
  }
  if (IS("elsewhere")) {
    pthread_create(&thread, NULL, elsewhere, (void *)(uintptr_t)call);
    pthread_join(thread, NULL);
    return GATEWRIGHT_OK;
  }
  if (IS("never")) {
    last_status = host->kv_get(call, slice("never"), &out);
    return GATEWRIGHT_ERROR;
  }
  if (IS("count")) {
    last_status = host->kv_increment(call, slice("count"), 1, &sum);
    if (last_status != GATEWRIGHT_OK) {
      host->error(call, &out);
      host->fail(call, out);
      return GATEWRIGHT_ERROR;
    }
    return GATEWRIGHT_OK;
  }
  return GATEWRIGHT_OK;
}

static gatewright_status pre_llm(void *plugin, gatewright_call call) {
  const char *mode = plugin;
  if (strncmp(mode, "says ", 5) == 0) {
    return say(call, mode + 5);
  }
  if (IS("utf8")) {
    last_status = taken_without_utf8(call);
    return GATEWRIGHT_OK;
  }
  if (strncmp(mode, "pull", 4) != 0 && !IS("close_hangs")) {
    return GATEWRIGHT_OK;
  }
  /* {"outcome": {"stream": 7}} */
  return host->answer(call, slice("\xa1\x67outcome\xa1\x66stream\x07"));
}

static gatewright_status pull(void *plugin, gatewright_call call, uint64_t stream) {
  const char *mode = plugin;
  gatewright_slice out;
  int64_t sum = 0;
  (void)stream;
  pulling++;
  if (IS("pull_hangs")) {
    for (;;) {
      usleep(1000);
    }
  }
  if (IS("pull_is_silent")) {
    pulling--;
    return GATEWRIGHT_OK;
  }
  if (strncmp(mode, "pull_says ", 10) == 0) {
    pulling--;
    return say(call, mode + 10);
  }
  if (IS("pull_naps")) {
    usleep(300 * 1000);
  }
  if (IS("pull_asks")) {
    last_status = host->kv_increment(call, slice("pulled"), 1, &sum);
    if (host->get_text(call, slice("facts/request_id"), &out) == GATEWRIGHT_OK) {
      host->log(call, GATEWRIGHT_INFO, out);
    }
    if (host->state_set(call, slice("a"), slice("b")) != GATEWRIGHT_UNSUPPORTED) {
      last_status = 99;
    }
  }
  pulling--;
  /* {"chunks": [["done"]]} */
  return host->answer(call, slice("\xa1\x66" "chunks\x81\x81\x64" "done"));
}

static void close_stream(void *plugin, uint64_t stream) {
  const char *mode = plugin;
  (void)stream;
  if (IS("close_hangs")) {
    for (;;) {
      usleep(1000);
    }
  }
  if (pulling > 0) {
    overlapped = 1;
  }
  closed++;
}

/* What the last call of a host function answered, and what became of instances and streams, for the test. */
static gatewright_status health(void *plugin, gatewright_call call) {
  const char *mode = plugin;
  if (mode != NULL && strncmp(mode, "says ", 5) == 0) {
    return say(call, mode + 5);
  }
  char said[32] = {(char)('0' + last_status / 10), (char)('0' + last_status % 10), ' ', (char)('0' + destroyed % 10),
                   ' ', (char)('0' + overlapped), ' ', (char)('0' + closed % 10)};
  host->fail(call, slice(said));
  return GATEWRIGHT_ERROR;
}

static gatewright_status asset(void *plugin, gatewright_call call) {
  const char *mode = plugin;
  return strncmp(mode, "says ", 5) == 0 ? say(call, mode + 5) : GATEWRIGHT_OK;
}

static const gatewright_hooks_v1 hooks = {
#if !defined(NO_HOOKS_SIZE)
    .size = sizeof(gatewright_hooks_v1),
#endif
    .check_input = check_input,
    .pre_llm = pre_llm,
    .asset = asset,
    .health = health,
};

static const gatewright_plugin_table_v1 table = {
#if defined(SMALL)
    .size = 8,
#else
    .size = sizeof(gatewright_plugin_table_v1),
#endif
    .minor = GATEWRIGHT_ABI_MINOR,
#if defined(BAD_MANIFEST)
    .manifest = GATEWRIGHT_CONSTANT("{\"name\": 7}"),
#elif defined(BRIEF)
    .manifest = GATEWRIGHT_CONSTANT("{\"name\": \"hostile\", \"version\": \"1.0.0\","
                                    " \"timeout\": {\"secs\": 0, \"nanos\": 40000000}}"),
#elif defined(NO_UTF8)
    .manifest = GATEWRIGHT_CONSTANT("{\"name\": \"hostile \xff\xfe\", \"version\": \"1.0.0\"}"),
#elif defined(ANOTHER)
    .manifest = GATEWRIGHT_CONSTANT("{\"name\": \"hostile\", \"version\": \"2.0.0\"}"),
#elif !defined(NO_MANIFEST)
    .manifest = GATEWRIGHT_CONSTANT("{\"name\": \"hostile\", \"version\": \"1.0.0\"}"),
#endif
    .hooks = &hooks,
    .immediate = 1u << GATEWRIGHT_HOOK_CHECK_INPUT | 1u << GATEWRIGHT_HOOK_PRE_LLM,
    .create = create,
    .destroy = destroy,
#if !defined(NO_PULL)
    .pull = pull,
    .close = close_stream,
#endif
};

#if defined(CONSTRUCTOR)
__attribute__((constructor)) static void hangs(void) { sleep(3); }
#elif defined(SLOW_CONSTRUCTOR)
__attribute__((constructor)) static void naps(void) { usleep(250 * 1000); }
#endif

#if defined(UNDEFINED)
/* Nobody has it. */
extern int a_function_that_nobody_has(void);
GATEWRIGHT_EXPORT int calls_it(void) { return a_function_that_nobody_has(); }
#endif

#if defined(NO_TABLE)
#define RETURNED NULL
#else
#define RETURNED &table
#endif

#if defined(TOO_NEW)
GATEWRIGHT_EXPORT const void *gatewright_plugin_v2(void) { return RETURNED; }
#elif defined(TOO_OLD)
GATEWRIGHT_EXPORT const void *gatewright_plugin_v0(void) { return RETURNED; }
#elif defined(NO_SYMBOL)
GATEWRIGHT_EXPORT const void *gatewright_plugin(void) { return RETURNED; }
#elif defined(ALIEN)
GATEWRIGHT_EXPORT const void *another_entry(void) { return RETURNED; }
#else
const gatewright_plugin_table_v1 *gatewright_plugin_v1(void) { return RETURNED; }
#endif
