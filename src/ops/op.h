/* ops/op.h: what an operation is. One file an op: shape rule, forward, backward. No op knows the graph; ops are pure: what
 * changes in place (a cache, parameters under an optimizer) is an input that the op declares in `writes_in`. */
#ifndef SOCLE_OPS_OP_H
#define SOCLE_OPS_OP_H
#include "tensor/tensor.h"

enum { OP_IN = 24, OP_OUT = 2, OP_SAVED = 2, LINEAR_WEIGHTS = 4 };

/* What a call needs to know beyond its tensors and is the same at every run of a record. Each op reads its own fields. */
typedef struct op_attributes {
    real eps;              /* rms_norm, layer_norm */
    int n_head, n_kv_head; /* attention, rope: heads of q; of k and v */
    long head_dim;
    real scale;           /* attention: of the scores */
    bool cached;          /* attention: keys and values come from a cache */
    long block_size;      /* attention, cached: rows of one block */
    int32_t ignore_index; /* head: the target that is not learned */
    real dropout;         /* dropout, linear (input of the adapters): probability */
    int64_t place;        /* dropout: which op of the pass, so that no two draw alike; linear: of its first module, the others follow */
    /* linear: see ops/linear.c for the order of inputs */
    int n_weight, n_module;
    bool has_bias[LINEAR_WEIGHTS];
    int module[LINEAR_WEIGHTS];      /* which adapter module changes this weight; -1: none */
    long module_row[LINEAR_WEIGHTS]; /* first row of the module's B that belongs to this weight */
    /* adamw */
    double beta1, beta2;
} op_attributes;

typedef struct op op;
typedef struct op_call {
    const op *op;
    op_attributes at;
    int n_in;
    tensor in[OP_IN], out[OP_OUT > LINEAR_WEIGHTS ? OP_OUT : LINEAR_WEIGHTS], saved[OP_SAVED];
    /* backward: data is NULL for a gradient that nobody wants */
    tensor din[OP_IN], dout[OP_OUT > LINEAR_WEIGHTS ? OP_OUT : LINEAR_WEIGHTS];
    bool adds[OP_IN];     /* din[i]: adds to what is there (else sets) */
    void *scratch;        /* op->scratch bytes of this call and direction */
    real *partial[OP_IN]; /* SPLIT_ROWS: one row of din[i] for each chunk, see sum_rows */
} op_call;
enum { OP_RESULTS = OP_OUT > LINEAR_WEIGHTS ? OP_OUT : LINEAR_WEIGHTS };

typedef enum {
    SPLIT_ROWS,  /* the kernel is called for ranges of rows of in[0], on all threads; ranges depend on the shape alone */
    SPLIT_WHOLE, /* the kernel is called once, with the whole range, and splits by itself */
} op_split;

/* Bits of `backward_reads`. */
#define READS_IN(i) (1u << (i))
#define READS_OUT(i) (1u << (24 + (i)))
#define READS_ALL_IN ((1u << 24) - 1)

typedef void op_kernel(op_call *c, long first, long end);
typedef enum { PASS_FORWARD, PASS_BACKWARD } op_pass;

struct op {
    const char *name;
    op_split split;
    uint32_t backward_reads;  /* inputs and outputs whose values backward needs (saved ones it always has) */
    uint32_t writes_in;       /* inputs changed in place */
    uint32_t sums_rows;       /* SPLIT_ROWS: inputs whose gradient is a sum over rows (weights of norms) */
    uint32_t differentiable;  /* inputs that can have a gradient; 0: no backward */
    bool backward_is_forward; /* backward also writes out and saved: where a loss ends a pass, forward is left out */
    /* Fills out[].shape/type and saved[].shape/type from in[]; says what does not fit. */
    bool (*shape)(op_call *c, int *n_out, int *n_saved, error *err);
    size_t (*scratch)(const op_call *c, op_pass pass); /* bytes; NULL: none */
    op_kernel *forward, *backward;
};

#define OP(name) extern const op op_##name;
#include "ops/ops.def"
#undef OP

/* Runs one direction of a call on all threads: splits, reduces what sum_rows collected. The graph calls this; so do tests. */
void op_run(op_call *c, op_pass pass);
/* Scratch that op_run wants for the call: the op's own, and the partial sums of SPLIT_ROWS. */
size_t op_scratch_bytes(const op_call *c, op_pass pass);

/* Rows of a chunk for SPLIT_ROWS: depends on the shape alone. */
long op_chunk_rows(long rows, long dim);
/* Where the chunk that begins at `first` adds up its share of din[i] (a zeroed row); NULL when nobody wants it. The chunks
 * are added in order afterwards, so threads cannot show in a sum. */
real *sum_rows(const op_call *c, int i, long first);

#endif
