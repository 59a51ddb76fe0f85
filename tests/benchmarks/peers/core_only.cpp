// core_only.cpp: the scheduler's C core beside what C++ programmers reach for, without Python.
//
//     core_only core|priority_queue|set|nothing hall|centre CYCLES SEED
//
// Prints the CPU nanoseconds of one cycle (a ticket joins, a counter calls, the next moment of a warning or breach
// is asked for, one time in ten another gives up and takes a new number), a sum over the calls by which the three are compared, and for
// the core its bytes a waiting ticket.
//
// The line has settled when the clock starts: as many wait of each queue as its rate leaves waiting, heaps hold
// the dead entries of those who left before, and some thousand cycles have gone unmeasured. The peers know
// rate * wait and two moments a ticket, keep what they need to know of a ticket in a plain array indexed by its key,
// and have no guard, levels, runner-up or places.
extern "C" {
#include "scheduler.h"
}

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <queue>
#include <set>
#include <utility>
#include <vector>

static const int64_t RATES[] = {1500, 1200, 1000};

static const int64_t LONGEST_TARGET = 4500000;
static const int64_t LEAD = 120000; // a warning comes two minutes before the target

// Every queue has its own promise, 45 to 75 minutes: longer than anybody waits here, so no alert is ever told.
static int64_t target_of(int64_t queue) { return LONGEST_TARGET - 30000 * (queue * 37 % 61); }

struct Size {
    int64_t waiting, queues, profiles, fewest, most, apart; // apart: ms between two arrivals
};

struct Step {
    int64_t key, queue, now, profile, gives_up, other_queue; // who gives up is replaced by key + 1
};

struct Hall {
    std::vector<int64_t> rates;
    std::vector<std::vector<int64_t>> skills;
};

static uint64_t state;

static uint64_t draw() { // splitmix64 (Steele, Lea, Flood 2014)
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int64_t below(int64_t limit) { return (int64_t)(draw() % (uint64_t)limit); }

class Core {
  public:
    static constexpr bool keeps_dead = false;
    explicit Core(const Hall &hall) : s(sched_new()) {
        const int64_t never = INT64_C(1) << 53;
        for (int64_t queue = 0; queue < (int64_t)hall.rates.size(); queue++) {
            int64_t rate = hall.rates[(size_t)queue], target = target_of(queue);
            sched_terms terms = {rate, 0, never, 0, 0, never, target - LEAD, target, 0, 0};
            sched_define_queue(s, &terms);
        }
        for (const auto &queues : hall.skills) {
            std::vector<sched_lane> lanes;
            for (int64_t queue : queues) lanes.push_back({queue, 1, 0, 0, 0});
            sched_define_profile(s, lanes.data(), (int64_t)lanes.size());
        }
    }
    ~Core() { sched_free(s); }
    void push(int64_t key, int64_t queue, int64_t v) { sched_push(s, key, queue, v, key, 0); }
    int64_t call(int64_t profile, int64_t now) {
        sched_choice choice;
        return sched_call(s, profile, now, &choice) ? choice.key : -1;
    }
    int64_t next_due() { return sched_next_due(s); }
    bool give_up(int64_t key) { return sched_remove(s, key) == 0; }
    int64_t bytes() { return sched_bytes(s) / sched_length(s); }

  private:
    scheduler *s;
};

using Entry = std::pair<int64_t, int64_t>; // v or moment, key

// A heap a queue and one of deadlines; dead entries go when they surface.
class Heaps {
    using Heap = std::priority_queue<Entry, std::vector<Entry>, std::greater<Entry>>;

  public:
    static constexpr bool keeps_dead = true;
    explicit Heaps(const Hall &hall_) : hall(hall_), lines(hall_.rates.size()) {}
    void push(int64_t key, int64_t queue, int64_t v) {
        if ((size_t)key >= inside.size()) inside.resize((size_t)key * 2 + 64);
        inside[(size_t)key] = 1;
        lines[(size_t)queue].emplace(v, key);
        deadlines.emplace(v + target_of(queue) - LEAD, key);
        deadlines.emplace(v + target_of(queue), key);
    }
    int64_t call(int64_t profile, int64_t now) {
        Heap *best = nullptr;
        int64_t best_score = -1;
        for (int64_t queue : hall.skills[(size_t)profile]) {
            Heap &line = lines[(size_t)queue];
            surface(line);
            if (line.empty()) continue;
            int64_t score = hall.rates[(size_t)queue] * (now - line.top().first);
            if (score > best_score || (score == best_score && line.top() < best->top())) {
                best_score = score;
                best = &line;
            }
        }
        if (!best) return -1;
        int64_t key = best->top().second;
        best->pop();
        inside[(size_t)key] = 0;
        return key;
    }
    int64_t next_due() {
        surface(deadlines);
        return deadlines.empty() ? INT64_MAX : deadlines.top().first;
    }
    bool give_up(int64_t key) {
        bool was = inside[(size_t)key];
        inside[(size_t)key] = 0;
        return was;
    }
    int64_t bytes() { return 0; }

  private:
    void surface(Heap &heap) {
        while (!heap.empty() && !inside[(size_t)heap.top().second]) heap.pop();
    }
    const Hall &hall;
    std::vector<Heap> lines;
    Heap deadlines;
    std::vector<char> inside;
};

// A set a queue and one of deadlines; who leaves is erased at once.
class Sets {
  public:
    static constexpr bool keeps_dead = false;
    explicit Sets(const Hall &hall_) : hall(hall_), lines(hall_.rates.size()) {}
    void push(int64_t key, int64_t queue, int64_t v) {
        if ((size_t)key >= places.size()) places.resize((size_t)key * 2 + 64, {-1, 0});
        places[(size_t)key] = {queue, v};
        lines[(size_t)queue].emplace(v, key);
        deadlines.emplace(v + target_of(queue) - LEAD, key);
        deadlines.emplace(v + target_of(queue), key);
    }
    int64_t call(int64_t profile, int64_t now) {
        std::set<Entry> *best = nullptr;
        int64_t best_score = -1;
        for (int64_t queue : hall.skills[(size_t)profile]) {
            std::set<Entry> &line = lines[(size_t)queue];
            if (line.empty()) continue;
            int64_t score = hall.rates[(size_t)queue] * (now - line.begin()->first);
            if (score > best_score || (score == best_score && *line.begin() < *best->begin())) {
                best_score = score;
                best = &line;
            }
        }
        if (!best) return -1;
        int64_t key = best->begin()->second;
        give_up(key);
        return key;
    }
    int64_t next_due() { return deadlines.empty() ? INT64_MAX : deadlines.begin()->first; }
    bool give_up(int64_t key) {
        Entry &place = places[(size_t)key];
        if (place.first < 0) return false;
        lines[(size_t)place.first].erase({place.second, key});
        deadlines.erase({place.second + target_of(place.first) - LEAD, key});
        deadlines.erase({place.second + target_of(place.first), key});
        place.first = -1;
        return true;
    }
    int64_t bytes() { return 0; }

  private:
    const Hall &hall;
    std::vector<std::set<Entry>> lines;
    std::set<Entry> deadlines;
    std::vector<Entry> places; // queue, v
};

// Does nothing: what a plan costs without any queue.
class Nothing {
  public:
    static constexpr bool keeps_dead = false;
    explicit Nothing(const Hall &) {}
    void push(int64_t, int64_t, int64_t) {}
    int64_t call(int64_t, int64_t) { return 0; }
    int64_t next_due() { return 0; }
    bool give_up(int64_t) { return false; }
    int64_t bytes() { return 0; }
};

static double cpu_ns() {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

// Whether a customer of this queue who came so many customers ago still waits: rate * wait is the same for all who
// are called at one time, so queues with a higher rate keep fewer.
static bool waits(const Hall &hall, const Size &size, int64_t queue, int64_t ago) {
    double mean = (1.0 / RATES[0] + 1.0 / RATES[1] + 1.0 / RATES[2]) / 3; // of the inverse of the rates
    return (double)ago * (double)hall.rates[(size_t)queue] * mean < (double)size.waiting;
}

template <class Kind> static void run(const Hall &hall, const Size &size, const std::vector<Step> &steps) {
    Kind kind(hall);
    int64_t first = steps[0].key / 2, unmeasured = (int64_t)steps.size() / 4, at = 0;
    std::vector<int64_t> queues;
    for (int64_t i = 0; i < first; i++) queues.push_back(below(size.queues));
    for (int64_t i = 0; i < first; i++)
        if (Kind::keeps_dead || waits(hall, size, queues[(size_t)i], first - i))
            kind.push(2 * i, queues[(size_t)i], i * size.apart);
    for (int64_t i = 0; i < first; i++)
        if (!waits(hall, size, queues[(size_t)i], first - i)) kind.give_up(2 * i);
    uint64_t sum = 0;
    double began = 0;
    for (const Step &step : steps) {
        if (at++ == unmeasured) began = cpu_ns();
        kind.push(step.key, step.queue, step.now);
        sum = sum * 31 + (uint64_t)kind.call(step.profile, step.now);
        sum ^= (uint64_t)kind.next_due();
        if (step.gives_up >= 0 && kind.give_up(step.gives_up)) kind.push(step.key + 1, step.other_queue, step.now);
    }
    double ns = (cpu_ns() - began) / (double)((int64_t)steps.size() - unmeasured);
    std::printf("%.1f %llu %lld\n", ns, (unsigned long long)sum, (long long)kind.bytes());
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    bool centre = !std::strcmp(argv[2], "centre");
    Size size = centre ? Size{1000000, 500, 200, 5, 50, 2} : Size{200, 12, 20, 8, 8, 3000};
    state = std::strtoull(argv[4], nullptr, 10);
    Hall hall;
    for (int64_t queue = 0; queue < size.queues; queue++) hall.rates.push_back(RATES[queue % 3]);
    for (int64_t profile = 0; profile < size.profiles; profile++) {
        std::vector<int64_t> queues;
        std::set<int64_t> chosen;
        int64_t lanes = size.fewest + below(size.most - size.fewest + 1);
        for (int64_t queue = profile; queue < size.queues; queue += size.profiles) chosen.insert(queue);
        while ((int64_t)chosen.size() < lanes) chosen.insert(below(size.queues));
        hall.skills.emplace_back(chosen.begin(), chosen.end());
    }
    std::vector<Step> steps;
    int64_t cycles = std::atoll(argv[3]);
    int64_t first = LONGEST_TARGET / size.apart; // all of whom a heap may still hold something
    for (int64_t i = first; i < first + cycles; i++) {
        int64_t gives_up = below(10) ? -1 : 2 * (i - 1 - below(size.waiting));
        steps.push_back({2 * i, below(size.queues), i * size.apart, below(size.profiles), gives_up, below(size.queues)});
    }
    if (!std::strcmp(argv[1], "core")) run<Core>(hall, size, steps);
    if (!std::strcmp(argv[1], "priority_queue")) run<Heaps>(hall, size, steps);
    if (!std::strcmp(argv[1], "set")) run<Sets>(hall, size, steps);
    if (!std::strcmp(argv[1], "nothing")) run<Nothing>(hall, size, steps);
    return 0;
}
