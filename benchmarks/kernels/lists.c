/* Linked structures: nodes from a pool, a binary search tree grown and searched, a list reversed. */
#include "kernel.h"

enum { NODES = 2048 };

typedef struct node { struct node *left, *right; u32 key, value; } node;

static node pool[NODES];

static NOINLINE node *insert(node *root, node *fresh) {
    node **link = &root;
    while (*link) link = fresh->key < (*link)->key ? &(*link)->left : &(*link)->right;
    *link = fresh;
    return root;
}

static NOINLINE u32 depth_first(const node *tree) {
    if (!tree) return 1;
    return depth_first(tree->left) * 3 + tree->value + depth_first(tree->right);
}

static NOINLINE u32 lookup(const node *tree, u32 key) {
    while (tree && tree->key != key) tree = key < tree->key ? tree->left : tree->right;
    return tree ? tree->value : 0;
}

EXPORT i64 run(i64 n) {
    u64 checksum = 0;
    u32 random = 1664525u;
    for (i64 i = 0; i < n; i++) {
        node *root = 0;
        for (i32 k = 0; k < NODES; k++) {
            node *fresh = &pool[k];
            fresh->left = fresh->right = 0;
            fresh->key = next_random(&random) & 0xfff;
            fresh->value = k;
            root = insert(root, fresh);
        }
        checksum = mix(checksum, depth_first(root));
        for (u32 key = 0; key < 4096; key += 3) checksum = mix(checksum, lookup(root, key));
        node *list = 0;
        for (i32 k = 0; k < NODES; k++) pool[k].right = list, list = &pool[k];
        node *reversed = 0;
        while (list) {
            node *next = list->right;
            list->right = reversed;
            reversed = list;
            list = next;
        }
        u32 sum = 0;
        for (; reversed; reversed = reversed->right) sum = sum * 5 + reversed->value;
        checksum = mix(checksum, sum);
    }
    return checksum;
}
