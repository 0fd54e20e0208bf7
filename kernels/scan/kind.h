/* SPDX-License-Identifier: Apache-2.0 */
/* What the program's KIND is made of: a state, how a token changes it, and spans of tokens.
 *
 *   state_first()          before the first token          state_past(parts)   a caller's
 *   state_step(s, token)   after one more                  state_result(s, parts)
 *   span_first(), span_step(), span_join(state, span)      what tokens do to any state before them
 *   span_is_steady(span)   whether joining is as good as taking the state through the tokens
 *   ..._to_floats(), ..._from_floats()                     in workspace: STATE_FLOATS, SPAN_FLOATS
 */
#include "scan/arguments.h"

/* A thread of a GPU waits once for so many tokens. */
#if LANES == 1
#define TILE 16
#endif
#include "shared/tiles.h"

#define PARTS (KIND == KIND_COMPLEX ? 2 : 1)

/* What lanes without a token take in, and do not change by it. */
#if KIND == KIND_PRODUCT
#define NOTHING 1.0f
#elif KIND == KIND_MAX || KIND == KIND_LOGSUMEXP
#define NOTHING (-INFINITY)
#elif KIND == KIND_PRODUCT_I32 || KIND == KIND_MAX_I32
#define NOTHING from_bits(NOTHING_I32)
#else
#define NOTHING 0.0f
#endif

/* Of a kind that does not use them, the others hold nothing. */
typedef struct token {
  lane a, a_im, x, x_im;
} token;

#if KIND == KIND_RECURRENCE
#include "scan/recurrence.h"
#elif KIND == KIND_COMPLEX
#include "scan/complex.h"
#elif KIND == KIND_SUM
#include "scan/sum.h"
#elif KIND == KIND_PRODUCT
#include "scan/product.h"
#elif KIND == KIND_MAX
#include "scan/max.h"
#elif KIND == KIND_LOGSUMEXP
#include "scan/logsumexp.h"
#else
#include "scan/integer.h"
#endif
