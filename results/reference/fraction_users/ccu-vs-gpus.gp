# gnuplot -c ccu-vs-gpus.gp [png|svg [FOLDER]]: draws FOLDER/ccu-vs-gpus.png (or .svg) from FOLDER/ccu-vs-gpus.dat
kind = exists("ARG1") && strlen(ARG1) > 0 ? ARG1 : "png"
folder = exists("ARG2") && strlen(ARG2) > 0 ? ARG2 : "."
data = folder . "/ccu-vs-gpus.dat"
if (kind eq "svg") {
	set terminal svg noenhanced size 900,480 font "sans,14" background "white"
} else {
	set terminal pngcairo noenhanced size 900,480 font "sans,11"
}
set output folder . "/ccu-vs-gpus." . kind
set style line 1 lc rgb "#000000" lw 2 dt 1 pt 7 ps 0.9
set style line 2 lc rgb "#0072b2" lw 2 dt 2 pt 5 ps 0.9
set style line 3 lc rgb "#d55e00" lw 2 dt 3 pt 9 ps 0.9
set style line 4 lc rgb "#009e73" lw 2 dt 4 pt 11 ps 0.9
set style line 5 lc rgb "#cc79a7" lw 2 dt 5 pt 6 ps 0.9
set style line 6 lc rgb "#56b4e9" lw 2 dt (18,6) pt 4 ps 0.9
set style line 7 lc rgb "#e69f00" lw 2 dt (2,9) pt 8 ps 0.9
set style line 8 lc rgb "#666666" lw 2 dt (14,4,2,4,2,4) pt 10 ps 0.9
set style line 9 lc rgb "#000000" lw 1 dt 1 pt 13 ps 0.9
set style line 10 lc rgb "#0072b2" lw 1 dt 2 pt 12 ps 0.9
set style line 11 lc rgb "#d55e00" lw 1 dt 3 pt 15 ps 0.9
set style line 12 lc rgb "#009e73" lw 1 dt 4 pt 14 ps 0.9
set style line 13 lc rgb "#cc79a7" lw 1 dt 5 pt 1 ps 0.9
set style line 14 lc rgb "#56b4e9" lw 1 dt (18,6) pt 2 ps 0.9
set style line 15 lc rgb "#e69f00" lw 1 dt (2,9) pt 3 ps 0.9
set grid lc rgb "#cccccc" lw 1 dt 1
set border 3
set tics nomirror
set format y "%.6g"
set yrange [0:*]
set lmargin 10
set key bmargin center horizontal height 0.8
set title 'concurrent users that meet the limits: llama-3.1-8b-instruct on h100-nvl (simulated)'
set xlabel 'GPUs'
set ylabel 'concurrent users'
plot data index 0 using 1:2 with linespoints ls 1 title 'fraction 1', \
     data index 1 using 1:2 with linespoints ls 2 title 'fraction 0.5'
