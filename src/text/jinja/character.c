#include "text/jinja/character.h"

unsigned character_class_beyond(uint32_t c) {
    size_t low = 0, high = n_character_class_run; /* run[low].first <= c < run[high].first */
    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        if (character_class_runs[middle].first <= c) low = middle;
        else high = middle;
    }
    return character_class_runs[low].bits;
}

static int map_ascii(const case_map *map, uint32_t c, uint32_t image[3]) {
    const bool down = map == &character_lower, up = map == &character_upper || map == &character_title;
    image[0] = down && c >= 'A' && c <= 'Z' ? c + 32 : up && c >= 'a' && c <= 'z' ? c - 32 : c;
    return 1;
}

int character_map(const case_map *map, uint32_t c, uint32_t image[3]) {
    if (c < 128) return map_ascii(map, c, image);
    image[0] = c;
    for (size_t low = 0, high = map->n_run; low < high;) {
        const size_t middle = (low + high) / 2;
        const case_run *r = &map->run[middle];
        if (c < r->first) high = middle;
        else if (c > r->last) low = middle + 1;
        else {
            if ((c - r->first) % r->step == 0) return image[0] = c + (uint32_t)r->distance, 1;
            break;
        }
    }
    for (size_t i = 0; i < map->n_several; i++)
        if (map->several[i].c == c) {
            int n = 0;
            while (n < 3 && map->several[i].image[n] != 0) image[n] = map->several[i].image[n], n++;
            return n;
        }
    return 1;
}
