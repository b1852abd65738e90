if True:
	x = 1	# hpo: choice(1, 2)
	if x:
		'''@hpo.choice(3, 4)'''
		y	=	3		# after
	print(x, y)
