/* Find short round trips through the 48 cities of capitals.txt by simulated annealing.
 *
 * Its schedule and its moves are what is tuned: the program asks `hpo param` for the values, and reports how
 * long its trips are on average with `hpo metric`. By hand it takes the values in main().
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CITIES = 48, MOVES = 10000, TRIPS = 20 };

static double distance[CITIES][CITIES]; /* km */
static uint64_t seed = 1;

static double drawn(void) { /* between 0 and 1; no rand(), so that every machine draws the same */
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 11) / 9007199254740992.0;
}

/* Ask for the value of a hyperparameter; outside an experiment the answer is `standard`. */
static void param(const char *name, const char *standard, char value[32]) {
    char command[80];
    snprintf(command, sizeof command, "hpo param %s --default %s", name, standard);
    FILE *answer = popen(command, "r");
    if (answer == NULL || fscanf(answer, "%31s", value) != 1) {
        fprintf(stderr, "no value for %s: is hpo on the PATH?\n", name);
        exit(1);
    }
    pclose(answer);
    printf("%s %s\n", name, value);
}

/* Report a result; `option` says which: --step N or --final. */
static void metric(double value, const char *option) {
    char command[80];
    snprintf(command, sizeof command, "hpo metric %.3f %s", value, option);
    printf("%.0f km\n", value);
    fflush(stdout);
    if (system(command) != 0) exit(1);
}

static void read_cities(void) {
    double latitude[CITIES], longitude[CITIES], degree = acos(-1) / 180;
    FILE *file = fopen("capitals.txt", "r");
    for (int i = 0; i < CITIES; i++)
        if (file == NULL || fscanf(file, "%lf %lf %*[^\n]", &latitude[i], &longitude[i]) != 2) {
            fprintf(stderr, "capitals.txt is not here, or has no %d cities\n", CITIES);
            exit(1);
        }
    for (int i = 0; i < CITIES; i++)
        for (int j = 0; j < i; j++) {
            double a = latitude[i] * degree, b = latitude[j] * degree;
            double cosine = sin(a) * sin(b) + cos(a) * cos(b) * cos((longitude[i] - longitude[j]) * degree);
            distance[i][j] = distance[j][i] = 6371 * acos(cosine);
        }
}

static double length(const int *trip) {
    double sum = distance[trip[CITIES - 1]][trip[0]];
    for (int i = 1; i < CITIES; i++) sum += distance[trip[i - 1]][trip[i]];
    return sum;
}

/* Change a trip at two places that are at most `reach` apart. */
static void move(int *trip, const char *kind, int reach) {
    int from = (int)(drawn() * CITIES), to = from + 1 + (int)(drawn() * reach);
    if (to >= CITIES) to = CITIES - 1;
    int first = trip[from];
    if (strcmp(kind, "insert") == 0) { /* the first goes behind the second */
        memmove(trip + from, trip + from + 1, (size_t)(to - from) * sizeof *trip);
        trip[to] = first;
    } else { /* they change places, and with "reverse" all between them do */
        do {
            first = trip[from];
            trip[from++] = trip[to];
            trip[to--] = first;
        } while (strcmp(kind, "reverse") == 0 && from < to);
    }
}

int main(void) {
    char start[32], fall[32], kind[32], reach[32];
    param("start", "1000", start); /* the temperature at the beginning, in km */
    param("fall", "100", fall); /* and how many times lower it is at the end */
    param("move", "swap", kind);
    param("reach", "47", reach);
    read_cities();

    double mean = 0;
    for (int number = 1; number <= TRIPS; number++) {
        int trip[CITIES], other[CITIES];
        for (int i = 0; i < CITIES; i++) trip[i] = i;
        double now = length(trip), shortest = now, temperature = atof(start);
        double cooling = pow(atof(fall), -1.0 / MOVES);
        for (int i = 0; i < MOVES; i++, temperature *= cooling) {
            memcpy(other, trip, sizeof trip);
            move(other, kind, atoi(reach));
            double then = length(other);
            if (then < now || drawn() < exp((now - then) / temperature)) {
                memcpy(trip, other, sizeof trip);
                now = then;
            }
            if (now < shortest) shortest = now;
        }
        mean += (shortest - mean) / number;
        if (number % 5 == 0) {
            char option[32];
            snprintf(option, sizeof option, "--step %d", number);
            metric(mean, option);
        }
    }
    metric(mean, "--final");
    return 0;
}
