/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu/scan/plan.h"

/* Shorter pieces would cost more in carries than they gain. */
enum { PIECE_LEAST = 64 };

/* From here on, the tokens of few channels are worth cutting into lanes. */
enum { LANES_TOKENS = 512 };

/* Half the lanes of a CPU. */
enum { LANES_HALF = 8 };

/* Vectors of lanes of a CPU's item: a kilobyte of a row. Of one line of each row, memory and pages
 * would be fetched as if at random. */
enum { WIDTH_OF_PROCESSOR = 64 };

/* Pieces that are lanes of one vector start so many elements apart, an odd number of cache lines:
 * with a power of two they would meet in a few sets of the cache. */
enum { PIECE_UNIT = 16 };

/* How many times fewer items than enough make it worth reading tokens twice. Single lanes have TILE
 * tokens on their way at once. */
static int64_t too_few(const gpu_scan_plan *plan) { return plan->lanes == 1 ? 4 : 2; }

/* More of anything than devices have items at work. */
enum { MANY = 1 << 24 };

/* Of few channels, lanes of a CPU that no channel uses are left out: a row that is whole vectors is
 * read and written at once. */
static int32_t lanes_of(const gpu_scan_shape *shape, const seqmix_device_properties *device) {
  int is_half = shape->channels > LANES_HALF / 2 && shape->channels <= LANES_HALF;
  return device->is_processor && is_half ? LANES_HALF : seqmix_gpu_lanes(device);
}

/* A power of two not below the square root: as many pieces as tokens in each, so that neither the
 * walk of a piece nor that over the pieces is the longer one. */
static int64_t root_above(int64_t value) {
  int64_t root = 1;
  while (root < value / root) root *= 2;
  return root;
}

static int64_t piece_of(int64_t longest, int64_t wanted) {
  int64_t piece = gpu_divided(longest, wanted);
  piece = gpu_most(gpu_most(piece, PIECE_LEAST), root_above(longest));
  return piece / PIECE_UNIT % 2 ? piece / PIECE_UNIT * PIECE_UNIT
                                : (piece / PIECE_UNIT + 1) * PIECE_UNIT;
}

/* The cut in time, where items are too few otherwise. */
static void cut(gpu_scan_plan *plan, int64_t items, int64_t longest, int64_t enough) {
  int64_t wanted = gpu_divided(enough, items) * (plan->lanes_are_pieces ? plan->lanes : 1);
  plan->piece = piece_of(longest, wanted);
  plan->pieces = gpu_divided(longest, plan->piece);
  if (plan->pieces == 1) plan->lanes_are_pieces = 0;
}

/* As wide as leaves enough of them. */
static int32_t width_of(const gpu_scan_plan *plan, int64_t items, int64_t blocks, int64_t enough) {
  int64_t width = gpu_least(plan->most_width, gpu_least(items * plan->pieces / enough, blocks));
  return (int32_t)gpu_most(width, 1);
}

gpu_scan_plan seqmix_gpu_scan_plan(const gpu_scan_shape *shape,
                                   const seqmix_device_properties *device) {
  gpu_scan_plan plan = {
      .lanes = lanes_of(shape, device),
      .items = seqmix_gpu_items(device),
      .most_width = device->is_processor ? WIDTH_OF_PROCESSOR : 1,
      .width = 1,
      .piece = gpu_most(shape->longest, 1),
      .pieces = 1,
  };
  int64_t streams = gpu_most(shape->streams, 1), longest = plan.piece;
  int64_t blocks = gpu_divided(shape->channels, plan.lanes);
  int64_t enough = seqmix_gpu_items_enough(device);
  plan.lanes_are_pieces = plan.lanes > 1 && shape->channels <= plan.lanes / 4 &&
                          longest >= LANES_TOKENS && streams < enough * plan.lanes;
  int64_t walked = plan.lanes_are_pieces ? shape->channels : blocks;
  /* Saturated, as sizes that no device holds may be asked about. */
  int64_t items = gpu_least(streams, MANY) * gpu_least(walked, MANY);
  if (plan.lanes_are_pieces || (items < enough / too_few(&plan) && longest >= 2 * PIECE_LEAST))
    cut(&plan, items, longest, enough);
  if (!plan.lanes_are_pieces && !shape->is_turned)
    plan.width = width_of(&plan, items, blocks, enough);
  int64_t groups = plan.lanes_are_pieces ? gpu_divided(plan.pieces, plan.lanes) : plan.pieces;
  plan.carry_items = streams * blocks;
  plan.walk_items = streams * groups *
                    (plan.lanes_are_pieces ? shape->channels : gpu_divided(blocks, plan.width));
  return plan;
}
