/* Initializers are evaluated: of globals, tables and items, and offsets of segments (specification, section 4.6 of 3.0).
 *
 * The plan has proven that each step finds what it takes, of the types that it takes. Operands lie in the plan's own stack, where no
 * collection looks, so nothing is collected meanwhile. */

static Bits128 *
own_cell(InstanceObject *self, uint32_t index)
{
    return (Bits128 *)((char *)self->vmctx + self->plan->globals_at + GLOBAL_BYTES * (size_t)index);
}

static Bits128 *
global_cell(InstanceObject *self, uint32_t index)
{
    if (index < self->plan->n_imported_globals)
        return self->globals[index]->cell;
    return own_cell(self, index - self->plan->n_imported_globals);
}

/* An object of an initializer takes the place of its operands; what is behind the topmost, or NULL: there is no room for it. */
static Bits128 *
make_object(InstanceObject *self, const Step *step, Bits128 *top)
{
    Signature *type = self->plan->signatures[step->type];
    Store *store = self->member.store;
    const Field *fields = type->fields;
    uint32_t length = 0, given = 0;
    switch (step->kind) {
    case STEP_STRUCT_NEW: given = type->n_fields; break;
    case STEP_ARRAY_NEW_FIXED: given = length = (uint32_t)step->value.low; break;
    case STEP_ARRAY_NEW: length = (uint32_t)(--top)->low; given = 1; break;
    case STEP_ARRAY_NEW_DEFAULT: length = (uint32_t)(--top)->low; break;
    }
    top -= given;
    int is_struct = type->record.form == FORM_STRUCT;
    uint64_t object = is_struct ? heap_new_struct(store, type) : heap_new_array(store, type, length);
    if (!object)
        return NULL;
    if (step->kind == STEP_ARRAY_NEW)
        for (uint32_t i = 0; i < length; i++)
            heap_store(object + OBJECT_ELEMENTS + (uint64_t)i * type->element_bytes, fields->storage, top);
    else
        for (uint32_t i = 0; i < given; i++)
            heap_store(is_struct ? object + fields[i].offset : object + OBJECT_ELEMENTS + (uint64_t)i * type->element_bytes,
                       fields[is_struct ? i : 0].storage, &top[i]);
    *top = (Bits128){object, 0};
    return top + 1;
}

/* What the steps of an initializer give; -1: there is no room for an object. The caller has the GIL, and nothing here gives it
 * away, nor is anything collected. */
static int
computed(InstanceObject *self, const Initializer *initializer, Bits128 *out)
{
    PlanObject *plan = self->plan;
    const Step *step = plan->steps + initializer->value.low, *end = step + initializer->value.high;
    Bits128 *top = plan->operands;  /* behind the topmost */
    for (; step < end; step++) {
        uint64_t right = top > plan->operands ? top[-1].low : 0, left = top > plan->operands + 1 ? top[-2].low : 0;
        switch (step->kind) {
        case STEP_CONSTANT: case STEP_REF_NULL: *top++ = step->value; continue;
        case STEP_GLOBAL: *top++ = *global_cell(self, (uint32_t)step->value.low); continue;
        case STEP_REF_FUNC: *top++ = (Bits128){(uint64_t)&self->records[step->value.low], 0}; continue;
        case STEP_REF_I31: top[-1] = (Bits128){(uint32_t)(right << 1) | REFERENCE_I31, 0}; continue;
        case STEP_ANY_CONVERT_EXTERN: case STEP_EXTERN_CONVERT_ANY: continue;
        case STEP_I32_ADD: left = (uint32_t)(left + right); break;
        case STEP_I32_SUB: left = (uint32_t)(left - right); break;
        case STEP_I32_MUL: left = (uint32_t)(left * right); break;
        case STEP_I64_ADD: left += right; break;
        case STEP_I64_SUB: left -= right; break;
        case STEP_I64_MUL: left *= right; break;
        default:
            if (!(top = make_object(self, step, top)))
                return -1;
            continue;
        }
        top--;
        top[-1] = (Bits128){left, 0};
    }
    *out = plan->operands[0];
    return 0;
}

/* The value of an initializer; -1 with the trap if there is no room for an object of it. */
static int
evaluate(InstanceObject *self, const Initializer *initializer, Bits128 *out)
{
    *out = (Bits128){0, 0};
    switch (initializer->kind) {
    case INIT_CONSTANT: *out = initializer->value; break;
    case INIT_GLOBAL: *out = *global_cell(self, (uint32_t)initializer->value.low); break;
    case INIT_FUNCTION: out->low = (uint64_t)&self->records[initializer->value.low]; break;
    case INIT_COMPUTED:
        if (computed(self, initializer, out) < 0) {
            raise_trap(TRAP_HEAP_EXHAUSTED);
            return -1;
        }
    }
    return 0;
}

/* The items of element segments that have to be computed are, once: who reads one twice gets the same object. */
static int
compute_items(InstanceObject *self)
{
    PlanObject *plan = self->plan;
    if (!plan->has_computed_items)
        return 0;
    if (!(self->element_values = calloc(plan->n_elements, sizeof *self->element_values)))
        return PyErr_NoMemory(), -1;
    for (uint32_t i = 0; i < plan->n_elements; i++) {
        const ElementSegment *segment = &plan->elements[i];
        if (!segment->computed)
            continue;
        if (!(self->element_values[i] = calloc(segment->length + 1, sizeof **self->element_values)))
            return PyErr_NoMemory(), -1;
        for (uint32_t at = 0; at < segment->length; at++) {
            Bits128 value;
            if (evaluate(self, &segment->computed[at], &value) < 0)
                return -1;
            self->element_values[i][at] = value.low;
        }
    }
    return 0;
}

/* How many items an element segment has: none once it is dropped. To be asked again where Python code may have run meanwhile. */
static inline uint64_t
segment_length(const InstanceObject *self, uint32_t element)
{
    return self->dropped[element] ? 0 : self->plan->elements[element].length;
}

/* The value of an item of an element segment. */
static inline uint64_t
segment_item(InstanceObject *self, uint32_t element, uint64_t number)
{
    if (self->element_values && self->element_values[element])
        return self->element_values[element][number];
    int64_t item = self->plan->elements[element].items[number];
    return item >= 0    ? (uint64_t)&self->records[item]
           : item == -1 ? 0
                        : global_cell(self, (uint32_t)(-2 - item))->low;
}
