/* SPDX-License-Identifier: Apache-2.0 */
/* How GPUs cut linear attention and lay out its workspace, for problems and devices that are not
 * here: what holds of every plan, whatever its constants are. */
#include <string.h>

#include "gpu/backend.h"
#include "gpu/linear_attention/plan.h"
#include "support/gpu_devices.h"
#include "support/suite.h"

enum { LOCAL_LEAST = 16 << 10, TOKENS_FEW = 8 };

/* Options that plans look at. */
static const uint64_t option_sets[] = {
    0,
    SEQMIX_LINEAR_ATTENTION_GATED | SEQMIX_LINEAR_ATTENTION_CHANNEL_DECAY,
    SEQMIX_LINEAR_ATTENTION_DELTA | SEQMIX_LINEAR_ATTENTION_DECAY,
    SEQMIX_LINEAR_ATTENTION_DPLR | SEQMIX_LINEAR_ATTENTION_CHANNEL_DECAY,
    SEQMIX_LINEAR_ATTENTION_GATED | SEQMIX_LINEAR_ATTENTION_DECAY |
        SEQMIX_LINEAR_ATTENTION_NORMALIZE | SEQMIX_LINEAR_ATTENTION_INPUT_GATE,
    SEQMIX_LINEAR_ATTENTION_NOT_CAUSAL,
    SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL | SEQMIX_LINEAR_ATTENTION_NORMALIZE,
};
enum { OPTION_SETS = sizeof option_sets / sizeof *option_sets };

static seqmix_linear_attention_problem
make_problem(int64_t sequences, int64_t length, int64_t heads, int64_t dims, uint64_t features) {
  seqmix_linear_attention_problem problem;
  memset(&problem, 0, sizeof problem);
  problem.header.struct_size = sizeof problem;
  problem.header.op = SEQMIX_OP_LINEAR_ATTENTION;
  problem.header.dtype = SEQMIX_F32;
  problem.header.features = features;
  problem.normalize = (features & SEQMIX_LINEAR_ATTENTION_NORMALIZE) != 0;
  problem.sequences = sequences;
  problem.length = problem.total = length;
  problem.q_heads = problem.k_heads = problem.state_heads = heads;
  problem.head_dim = problem.value_dim = dims;
  return problem;
}

/* ---- what holds of every plan ---------------------------------------------------------------- */

/* `parts` of `each` cover `whole`, and none of them is empty. */
static int covers_once(int64_t parts, int64_t each, int64_t whole) {
  return each >= 1 && parts == whole / each + (whole % each != 0);
}

static const char *fault_of_groups(const gpu_linear_plan *plan,
                                   const seqmix_linear_attention_problem *problem,
                                   const seqmix_device_properties *device) {
  int64_t columns = problem->value_dim + problem->normalize;
  int64_t panel = (int64_t)plan->column_items * plan->lanes;
  int64_t values = 2 * plan->chunk * panel * (int64_t)sizeof(float);
  int64_t partials = 2 * (int64_t)plan->walk_items * plan->lanes * (int64_t)sizeof(float);
  if (plan->items > device->group_items || plan->walk_items > device->group_items)
    return "a work-group is larger than the device allows";
  if (plan->walk_items % plan->column_items) return "items do not share columns evenly";
  if (plan->dims < problem->head_dim || plan->dims % plan->lanes) return "rows are not whole";
  if (!covers_once(plan->panels, panel, columns)) return "panels do not cover the columns once";
  if (!covers_once(plan->blocks, plan->block_panels, plan->panels))
    return "blocks do not cover the panels once";
  if (plan->algorithm == GPU_LINEAR_CHUNKED)
    return plan->chunk % plan->lanes || values > LOCAL_LEAST ? "a chunk does not fit" : NULL;
  if (partials > LOCAL_LEAST) return "sums do not fit local memory";
  int64_t rows = (int64_t)plan->walk_items / plan->column_items * plan->rows;
  return device->is_processor ? (rows < plan->dims ? "an item lacks room for its rows" : NULL)
                              : (rows != plan->dims ? "items do not have all rows once" : NULL);
}

static const char *fault_of_time(const gpu_linear_plan *plan,
                                 const seqmix_linear_attention_problem *problem) {
  if (plan->streams != problem->sequences * problem->state_heads) return "streams are missing";
  if (plan->streams_at_once < 1 || plan->chunks_at_once < 1) return "a launch is empty";
  if (plan->chunks * plan->chunk < problem->length) return "chunks do not cover the tokens";
  if (plan->chunks_at_once > plan->chunks || plan->streams_at_once > plan->streams)
    return "a launch has more than there is";
  if (plan->chunks_at_once < plan->chunks && !plan->keeps_states)
    return "states are lost between launches";
  return NULL;
}

/* Regions follow each other, and slots have room for what is in them. */
static const char *fault_of_layout(const gpu_linear_plan *plan) {
  const gpu_linear_layout *at = &plan->layout;
  int64_t rows = plan->chunk * plan->dims;
  int64_t states = plan->streams_at_once * plan->panels * plan->column_items * plan->lanes;
  if (at->keys < rows || at->eraser < at->keys + rows || at->low_rank < at->eraser ||
      at->decays < at->low_rank || at->keep < at->decays + plan->chunk || at->weights < at->keep ||
      at->slot_floats < at->weights)
    return "parts of a slot overlap";
  if (at->states < at->slots + plan->streams_at_once * plan->chunks_at_once * at->slot_floats)
    return "slots reach into states";
  if (plan->keeps_states && at->carries < at->states + states * plan->dims)
    return "states reach beyond their place";
  for (int i = 0; i < 2; i++)
    if (at->gates[i] < at->carries || at->results[i] < at->gates[i] || at->results[i] > at->floats)
      return "results are out of place";
  return NULL;
}

START_TEST(test_plans) {
  static const int64_t dims[] = {1, 8, 16, 17, 33, 64, 128, 200, 256, 300, 1024, 5000};
  static const int64_t lengths[] = {0, 1, 7, 8, 9, 31, 32, 33, 70, 4096, 100000};
  static const int64_t heads[] = {1, 3, 16, 64};
  const seqmix_device_properties device = known_properties(&known_devices[_i]);
  for (size_t d = 0; d < sizeof dims / sizeof *dims; d++)
    for (size_t t = 0; t < sizeof lengths / sizeof *lengths; t++)
      for (size_t h = 0; h < sizeof heads / sizeof *heads; h++)
        for (int o = 0; o < 2 * OPTION_SETS; o++) {
          gpu_linear_algorithm algorithm = o % 2 ? GPU_LINEAR_CHUNKED : GPU_LINEAR_RECURRENT;
          const seqmix_linear_attention_problem problem =
              make_problem(1 + (int64_t)h * 20, lengths[t], heads[h], dims[d], option_sets[o / 2]);
          gpu_linear_plan plan = seqmix_gpu_linear_plan(&problem, &device, algorithm);
          const char *fault = fault_of_groups(&plan, &problem, &device);
          if (!fault) fault = fault_of_time(&plan, &problem);
          if (!fault) fault = fault_of_layout(&plan);
          ck_assert_msg(!fault, "%s: D %d T %d H %d options %d: %s", known_devices[_i].name,
                        (int)dims[d], (int)lengths[t], (int)heads[h], o, fault);
        }
}
END_TEST

/* ---- some of them ---------------------------------------------------------------------------- */

static gpu_linear_plan plan_on(const char *name, gpu_linear_algorithm algorithm, int64_t sequences,
                               int64_t length, int64_t heads, int64_t dims) {
  const seqmix_linear_attention_problem problem =
      make_problem(sequences, length, heads, dims, SEQMIX_LINEAR_ATTENTION_GATED);
  for (int i = 0; i < KNOWN_DEVICES; i++)
    if (strcmp(known_devices[i].name, name) == 0) {
      const seqmix_device_properties device = known_properties(&known_devices[i]);
      return seqmix_gpu_linear_plan(&problem, &device, algorithm);
    }
  ck_abort_msg("no device %s", name);
}

START_TEST(test_plans_of_some_devices) {
  gpu_linear_plan h200 = plan_on("H200", GPU_LINEAR_CHUNKED, 1, 4096, 16, 128);
  gpu_linear_plan adreno = plan_on("Adreno 740", GPU_LINEAR_RECURRENT, 1, 1, 32, 128);
  gpu_linear_plan pocl = plan_on("PoCL", GPU_LINEAR_CHUNKED, 1, 4096, 16, 128);
  gpu_linear_plan decode = plan_on("PoCL", GPU_LINEAR_RECURRENT, 64, 1, 32, 128);
  ck_assert_int_eq(h200.streams_at_once, 16);
  ck_assert_int_ge(h200.streams_at_once * h200.chunks_at_once, 132); /* groups for all units */
  ck_assert_int_eq(h200.blocks, h200.panels);
  ck_assert_int_eq(adreno.chunk, 1);
  ck_assert_int_eq(adreno.rows, 16); /* registers hold them */
  ck_assert(!adreno.keeps_states);
  ck_assert_int_eq(pocl.lanes, 16);
  ck_assert_int_eq(pocl.walk_items, 1);
  ck_assert_int_eq(pocl.blocks, 1); /* states enough for two processors */
  ck_assert(pocl.chunks_at_once < 128 && pocl.keeps_states);
  ck_assert(!decode.keeps_states);
}
END_TEST

/* Workspace does not grow with the length, unless results of all tokens are kept. */
START_TEST(test_workspace_is_bounded) {
  const int64_t megabyte = 1 << 18; /* in floats */
  for (int i = 0; i < KNOWN_DEVICES; i++)
    for (int algorithm = 0; algorithm < 2; algorithm++) {
      const char *name = known_devices[i].name;
      gpu_linear_plan plan = plan_on(name, algorithm, 4, 1 << 20, 32, 128);
      int64_t least = (int64_t)known_devices[i].compute_units * 2;
      ck_assert_msg(plan.layout.floats < 300 * megabyte + least * megabyte, "%s", name);
    }
}
END_TEST

START_TEST(test_huge_problems) {
  for (int i = 0; i < KNOWN_DEVICES; i++) {
    const char *name = known_devices[i].name;
    for (int algorithm = 0; algorithm < 2; algorithm++) {
      gpu_linear_plan wide = plan_on(name, algorithm, 1, 1, 1, INT64_MAX / 2);
      gpu_linear_plan large = plan_on(name, algorithm, 1, 1, 1, 1 << 26);
      gpu_linear_plan many = plan_on(name, algorithm, INT64_MAX / 8, 1, 8, 16);
      ck_assert_int_eq(wide.layout.floats, -1);
      ck_assert(large.layout.floats == -1 || large.layout.floats > 1 << 26);
      ck_assert_int_ge(many.layout.floats, 1);
    }
  }
}
END_TEST

/* Steps along time of the chunked algorithm are those of chunks, wherever it is forced. */
START_TEST(test_chunks_are_of_many_tokens) {
  const seqmix_linear_attention_problem problem = make_problem(1, 1000, 2, 64, 0);
  for (int i = 0; i < KNOWN_DEVICES; i++) {
    const seqmix_device_properties device = known_properties(&known_devices[i]);
    gpu_linear_plan plan = seqmix_gpu_linear_plan(&problem, &device, GPU_LINEAR_CHUNKED);
    ck_assert_int_eq(plan.algorithm, GPU_LINEAR_CHUNKED);
    ck_assert_int_ge(plan.chunk, 16);
    ck_assert_int_eq(plan.chunks, (1000 + plan.chunk - 1) / plan.chunk);
  }
}
END_TEST

START_TEST(test_short_sequences_go_token_by_token) {
  const seqmix_device_properties device = known_properties(&known_devices[0]);
  for (int64_t length = 0; length < 40; length++) {
    const seqmix_linear_attention_problem problem = make_problem(2, length, 4, 64, 0);
    int suits = seqmix_gpu_linear_attention_recurrent_suits(&problem.header, &device);
    ck_assert_int_eq(suits, length <= TOKENS_FEW);
  }
}
END_TEST

/* ---- tensor cores ---------------------------------------------------------------------------- */

static const seqmix_device_properties *with_tensor_cores(seqmix_device_properties *device,
                                                         uint64_t room) {
  *device = known_properties(&known_devices[0]);
  device->features |= SEQMIX_DEVICE_MMA;
  device->local_bytes_most = room;
  device->architecture = 80;
  return device;
}

/* Whatever room there is: a plan that is accepted fits it, and has all that any plan has. */
START_TEST(test_tensor_cores) {
  static const uint64_t rooms[] = {48 << 10, 64 << 10, 99 << 10, 163 << 10, 227 << 10};
  static const int64_t dims[] = {1, 24, 64, 65, 128, 129, 256};
  seqmix_device_properties device;
  for (size_t r = 0; r < sizeof rooms / sizeof *rooms; r++)
    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++)
      for (int o = 0; o < OPTION_SETS; o++) {
        const seqmix_linear_attention_problem problem =
            make_problem(3, 1000, 16, dims[d], option_sets[o]);
        with_tensor_cores(&device, rooms[r]);
        int accepts =
            seqmix_gpu_linear_attention_chunked_mma_accepts(&problem.header, &device) != 0;
        gpu_linear_plan plan = seqmix_gpu_linear_plan(&problem, &device, GPU_LINEAR_MMA);
        if (dims[d] > 128) ck_assert(!accepts && plan.layout.floats == -1);
        if (dims[d] <= 128 && rooms[r] >= 99 << 10) ck_assert(accepts);
        if (!accepts) continue;
        ck_assert(dims[d] <= plan.dims && plan.dims <= 128 && plan.chunk % 16 == 0);
        ck_assert_uint_le((uint64_t)plan.walk_bytes, rooms[r]);
        ck_assert_uint_le((uint64_t)plan.weigh_bytes, rooms[r]);
        ck_assert_int_eq(plan.walk_items, 2 * plan.column_items * plan.lanes);
        ck_assert_ptr_null(fault_of_time(&plan, &problem));
        ck_assert_ptr_null(fault_of_layout(&plan));
      }
}
END_TEST

START_TEST(test_short_and_narrow_ones_are_not_for_tensor_cores) {
  seqmix_device_properties device;
  with_tensor_cores(&device, 99 << 10);
  for (int64_t length = 0; length < 200; length += 21)
    for (int64_t dims = 8; dims <= 64; dims += 8) {
      const seqmix_linear_attention_problem problem = make_problem(2, length, 4, dims, 0);
      int suits = seqmix_gpu_linear_attention_chunked_mma_suits(&problem.header, &device);
      ck_assert_int_eq(suits, length >= 64 && dims >= 32);
    }
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("gpu linear plan");
  TCase *tcase = tcase_create("gpu linear plan");
  tcase_set_timeout(tcase, 60);
  suite_add_loop(tcase, test_plans, 0, KNOWN_DEVICES);
  suite_add(tcase, test_plans_of_some_devices);
  suite_add(tcase, test_workspace_is_bounded);
  suite_add(tcase, test_huge_problems);
  suite_add(tcase, test_chunks_are_of_many_tokens);
  suite_add(tcase, test_short_sequences_go_token_by_token);
  suite_add(tcase, test_tensor_cores);
  suite_add(tcase, test_short_and_narrow_ones_are_not_for_tensor_cores);
  suite_add_tcase(suite, tcase);
  return suite;
}
