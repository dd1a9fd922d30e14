# gnuplot -c ttft.gp [png|svg [FOLDER]]: draws FOLDER/ttft.png (or .svg) from FOLDER/ttft.dat
kind = exists("ARG1") && strlen(ARG1) > 0 ? ARG1 : "png"
folder = exists("ARG2") && strlen(ARG2) > 0 ? ARG2 : "."
data = folder . "/ttft.dat"
if (kind eq "svg") {
	set terminal svg noenhanced size 900,480 font "sans,14" background "white"
} else {
	set terminal pngcairo noenhanced size 900,480 font "sans,11"
}
set output folder . "/ttft." . kind
set style line 1 lc rgb "#000000" lw 2 dt 1 pt 7 ps 0.9
set style line 2 lc rgb "#0072b2" lw 2 dt 2 pt 5 ps 0.9
set style line 3 lc rgb "#d55e00" lw 2 dt 3 pt 9 ps 0.9
set style line 4 lc rgb "#009e73" lw 2 dt 4 pt 6 ps 0.9
set grid lc rgb "#cccccc" lw 1 dt 1
set border 3
set tics nomirror
set key bmargin center horizontal height 0.8
set title 'a day of ten rarely used models: who waits how long (simulated)'
set xlabel 'time to first token'
set ylabel '% of the requests wait no longer'
set logscale x
set xrange [0.01:300]
set yrange [0:100]
set xtics ('10 ms' 0.01, '100 ms' 0.1, '1 s' 1, '10 s' 10, '100 s' 100)
plot data index 0 using 1:2 with linespoints ls 1 pi 10 title 'always on, 10 GPUs', \
     data index 1 using 1:2 with linespoints ls 2 pi 10 title 'from zero, 5 GPUs', \
     data index 2 using 1:2 with linespoints ls 3 pi 10 title 'swap, 2 GPUs', \
     data index 3 using 1:2 with linespoints ls 4 pi 10 title 'swap with fractions, 1 GPU'
