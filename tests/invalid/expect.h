/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables of wrong calls share: one arena that holds every tensor of a call, the
 * description of its tensors, and the judgement of what the library made of it. */
#ifndef SEQMIX_TESTS_EXPECT_H
#define SEQMIX_TESTS_EXPECT_H

#include <seqmix/seqmix.h>

/* All tensors of a call lie in one array, each in a cell of its own that it does not fill; the
 * rest is 0xff: a NaN, or -1. A refused call must leave every byte of it as it was. */
#define ARENA_CELLS 24
#define ARENA_CELL_BYTES 4096
extern _Alignas(64) unsigned char arena[(ARENA_CELLS + 2) * ARENA_CELL_BYTES];

void arena_clear(void);

/* The start of a cell; cell -1 and ARENA_CELLS are there too, for views that reach out. */
void *arena_cell(int cell);

/* What a tensor of a call is, for mutations that apply to many. */
enum subject_kind {
  SUBJECT_OUTPUT = 1 << 0,
  SUBJECT_REQUIRED = 1 << 1,
  SUBJECT_INDEX = 1 << 2,      /* int32 or int64 */
  SUBJECT_LAST_DENSE = 1 << 3, /* the last axis is contiguous */
  SUBJECT_ANY_RANK = 1 << 4,   /* rank 1 to 4 */
  SUBJECT_FREE_SIZES = 1 << 5, /* one more along an axis may be legal */
  SUBJECT_SETS_SIZES = 1 << 6, /* if others do not agree with its sizes, they are named */
  SUBJECT_SETS_KIND = 1 << 7   /* the same of its type and rank */
};

/* A tensor of a call and the member of its args that points to it. */
typedef struct subject {
  const char *name;
  seqmix_tensor *tensor;
  const seqmix_tensor **member;
  int kind;
} subject;

/* A call to be judged: `run` makes it, `words` must all stand in the message. */
typedef struct expectation {
  const char *row;    /* for the report */
  const char *prefix; /* the message starts with this and ": " */
  seqmix_status status;
  const char *words; /* separated by spaces */
} expectation;

/* Makes the call, which must come to the expected status with a message that starts with the
 * prefix and holds the words, and must not change the arena. Returns 0 if so; otherwise says on
 * standard error what was wrong and returns 1. */
int expect_refusal(const expectation *expected, seqmix_status (*run)(void *arg), void *arg);

/* Whether `text` holds `word` not as part of a longer one. */
int mentions(const char *text, const char *word);

/* What spoil_tensor() returns when the tensor has become longer than the others let it. */
extern const char one_more[];

/* Mutation number `index` that makes a tensor one no operator could take: a rank, size, type,
 * place, alignment or stride out of bounds. Returns what it did (then the tensor has changed),
 * NULL if it does not apply to this tensor, and "" past the last. */
const char *spoil_tensor(const subject *s, int index);

#endif
