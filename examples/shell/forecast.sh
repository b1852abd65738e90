#!/bin/sh
# Forecast the flow of the Nile a year ahead by exponential smoothing, and report how far off that is.
# The root of the mean squared error so far is reported every ten years, and at the end.
set -eu

level=$(hpo param level --default 0.9)   # how much a new year counts for the level
trend=$(hpo param trend --default none)  # none or linear
slope=$(hpo param slope --default 0)     # how much it counts for the slope, of a linear trend
echo "level $level, trend $trend, slope $slope"

awk -v level="$level" -v slope="$slope" '
    /^#/ { next }
    n == 0 { flow = $2; rise = 0; n = 1; next }
    {
        error = $2 - (flow + rise)
        sum += error * error
        flow += rise + level * error
        rise += level * slope * error
        if (n % 10 == 0) print $1, sqrt(sum / n)
        n++
    }
    END { print "end", sqrt(sum / (n - 1)) }
' nile.txt | while read -r year rmse; do
    echo "$year: $rmse"
    case $year in
        end) hpo metric "$rmse" --final ;;
        *) hpo metric "$rmse" --step "$year" ;;
    esac
done
